"""A poster is understood: a speech recogniser hears its MP4, and a voice of another speech server."""

import io
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from client import finished, order
from recogniser import RATE_HZ, Recogniser, word_error_rate

from deployments.media import Passage
from deployments.speech.openai_http import OpenAiSpeechEngine, client_of

SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "Please bring the blue book back to the library.",
    "My mother bought fresh bread and butter this morning.",
    "The museum opens early and closes after dark.",
    "We walked along the river until the sun went down.",
    "This painting was made more than a century ago.",
    "Point your phone at the poster and it will speak to you.",
    "The train to the city leaves from the other platform.",
    "Every visitor may ask a question at the end of the tour.",
    "Bob put a pepper pot beside the purple bowl.",
    "A small boat drifted slowly past the old stone bridge.",
    "Thank you for coming, and have a pleasant journey home.",
)


@pytest.mark.parametrize(
    ("heard", "rate"),
    [
        ("one two three four", 0),
        ("One, two; THREE four!", 0),
        ("one three four", 0.25),
        ("one to three four", 0.25),
        ("one two two three four five", 0.5),
        ("", 1),
    ],
)
def test_the_word_error_rate_counts_words_put_in_left_out_or_changed(heard, rate):
    assert word_error_rate("One two three four.", heard) == rate


def sound_of(mp4: bytes) -> np.ndarray:
    resampler = av.AudioResampler("flt", "mono", RATE_HZ)
    with av.open(io.BytesIO(mp4)) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory):
    return Recogniser(tmp_path_factory.mktemp("whisper"))


@pytest.mark.speech_tests
def test_a_recogniser_hears_twelve_sentences_in_the_mp4(http, recogniser):
    text = " ".join(SENTENCES)
    video = finished(http, order(http, poster_id="astronaut", text=text))
    assert video["status"] == "completed", video
    sound = sound_of(http.get(video["video_url"]).content)
    assert len(sound) / RATE_HZ == pytest.approx(video["duration_s"], abs=0.1)

    heard = recogniser.hear(sound)
    rate = word_error_rate(text, heard)
    print(f"word error rate {rate:.3f}: {heard}")
    assert rate <= 0.05


@pytest.fixture(scope="module")
def piper_url():
    server = Path(__file__).with_name("piper_server.py")
    with subprocess.Popen(
        [sys.executable, server], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as piper:
        yield piper.stdout.readline().strip()
        piper.terminate()


@pytest.mark.speech_tests
def test_a_voice_of_piper_is_understood_and_faster_where_the_passage_is(piper_url, recogniser):
    text = " ".join(SENTENCES[:3])
    engine = OpenAiSpeechEngine(piper_url, "piper", "joe", client_of(None, 60.0), 60.0)
    usual, fast = (engine.speak(Passage(text, text, speed)).waveform for speed in (1.0, 1.5))
    assert fast.duration_s < 0.8 * usual.duration_s
    sound = soxr.resample(usual.samples.astype(np.float32) / 32768, usual.rate_hz, RATE_HZ)
    heard = recogniser.hear(sound)
    rate = word_error_rate(text, heard)
    print(f"word error rate {rate:.3f}: {heard}")
    assert rate <= 0.1
