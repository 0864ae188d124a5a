"""A voice behind an HTTP server, tried on a real one that answers well, badly or not at all."""

import base64
import json
import math
import socket
import time

import numpy as np
import pytest
from sounds import sound_file, tone
from speech_server import Server, running

from deployments.errors import SpeechServerFailed, UnspeakableText
from deployments.media import Passage, Phoneme, Word
from deployments.speech.openai_http import OpenAiSpeechEngine, SpeechServerRefused, client_of


def said(text: str, speed: float = 1.0) -> Passage:
    return Passage(text, text, speed)


def engine(url: str, api_key: str | None = None, timeout_s: float = 5.0) -> OpenAiSpeechEngine:
    return OpenAiSpeechEngine(url, "kokoro", "af_heart", client_of(api_key, timeout_s), timeout_s)


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_the_servers_sound_is_decoded(kind):
    with running(Server(body=sound_file(kind, tone()))) as server:
        speech = engine(server.url).speak(said("Hello."))
    assert speech.phonemes == ()
    assert speech.waveform.rate_hz == 24000
    assert speech.waveform.duration_s == pytest.approx(1.0, abs=0.05)
    assert np.abs(speech.waveform.samples).max() > 5000


def test_the_request_is_that_of_openais_clients():
    with running(Server(body=sound_file("wav", tone()))) as server:
        engine(server.url + "/", api_key="secret").speak(said("Grüße 👋"))
        engine(server.url).speak(said("again"), seed=7)
    wanted = {"model": "kokoro", "voice": "af_heart", "response_format": "wav", "input": "Grüße 👋"}
    assert server.asked[0] == {"path": "/v1/audio/speech", "key": "Bearer secret", "body": wanted}
    assert server.asked[1]["key"] is None
    assert set(server.asked[1]["body"]) == set(wanted)


def test_a_passages_speed_is_asked_for_where_it_is_another():
    with running(Server(body=sound_file("wav", tone()))) as server:
        engine(server.url).speak(said("Hello.", speed=1.5))
        engine(server.url).speak(said("Hello."))
    assert server.asked[0]["body"]["speed"] == 1.5
    assert "speed" not in server.asked[1]["body"]


def timed(**changes: object) -> bytes:
    told = {
        "audio": base64.b64encode(sound_file("wav", tone())).decode(),
        "phonemes": [{"symbol": "t", "start_s": 0.1, "end_s": 0.2}, {"symbol": "uː", "start_s": 0.2, "end_s": 0.4}],
        "words": [{"text": "two", "start_s": 0.1, "end_s": 0.4}, {"text": "kilometres.", "start_s": 0.5, "end_s": 0.9}],
    }
    return json.dumps(told | changes).encode()


BAD_PHONEMES = [
    ("", 0.1, 0.2),
    (None, 0.1, 0.2),
    ("a", -0.1, 0.2),
    ("a", 0.2, 0.1),
    ("a", 0.1, 1e9),
    ("a", 0, math.nan),
]


def test_a_timed_server_tells_when_phonemes_and_words_are_heard():
    with running(Server(body=timed())) as server:
        speech = OpenAiSpeechEngine(server.url, "m", "v", client_of(None, 5.0), 5.0, timed=True).speak(
            Passage("two kilometres.", "2 km.")
        )
    assert server.asked[0]["path"] == "/v1/audio/speech/timed"
    assert speech.waveform.duration_s == 1.0
    assert speech.phonemes == (Phoneme("t", 0.1, 0.2), Phoneme("uː", 0.2, 0.4))
    assert speech.words == (Word("2", 0.1, 0.4), Word("km.", 0.5, 0.9))


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", sound_file("wav", tone()), timed(audio="$"), timed(phonemes=[{}]), timed(words=None)]
    + [timed(words=[{"text": "", "start_s": 0.1, "end_s": 0.2}])]
    + [timed(phonemes=[{"symbol": s, "start_s": a, "end_s": b}]) for s, a, b in BAD_PHONEMES],
)
def test_an_answer_without_times_is_a_timed_servers_failure(body):
    with running(Server(body=body)) as server, pytest.raises(SpeechServerFailed, match="no usable sound"):
        OpenAiSpeechEngine(server.url, "m", "v", client_of(None, 5.0), 5.0, timed=True).speak(said("Hello."))


def test_only_a_letter_or_a_digit_is_worth_asking_for():
    assert [engine("http://a/v1").reads(text) for text in ("a", "7", "你", "?!", "— …")] == [True] * 3 + [False] * 2


def test_a_server_that_fails_may_be_asked_again():
    for status in (429, 500, 503):
        with running(Server(status=status, body=b"overloaded")) as server, pytest.raises(SpeechServerFailed) as caught:
            engine(server.url).speak(said("Hello."))
        assert caught.value.retryable
        assert caught.value.data == {"status": status}


def test_a_server_that_refuses_is_not_asked_again():
    for status in (301, 400, 401, 404):
        with running(Server(status=status, body=b"{}")) as server, pytest.raises(SpeechServerRefused) as caught:
            engine(server.url, api_key="secret").speak(said("Hello."))
        assert not caught.value.retryable
        assert caught.value.code == "speech_server_failed"
        assert str(status) in caught.value.detail
        assert "secret" not in caught.value.detail


@pytest.mark.parametrize("server", [Server(wait_s=30), Server(body=sound_file("wav", tone()), dribble_s=0.1)])
def test_a_server_that_hangs_or_dribbles_is_left_in_time(server):
    with running(server):
        started_s = time.monotonic()
        with pytest.raises(SpeechServerFailed, match="did not answer") as caught:
            engine(server.url, timeout_s=0.4).speak(said("Hello."))
        assert time.monotonic() - started_s < 2
    assert caught.value.retryable


def test_a_server_that_is_not_there_is_named_in_the_log_and_not_to_the_caller(caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(SpeechServerFailed, match="did not answer") as caught:
            engine(url).speak(said("Hello."))
    assert url in caplog.text
    assert url not in caught.value.detail


@pytest.mark.parametrize("body", [b"not a sound", b'{"error": "no"}', sound_file("wav", tone())[:20000]])
def test_an_answer_that_is_no_whole_sound_is_the_servers_failure(body):
    with running(Server(body=body)) as server, pytest.raises(SpeechServerFailed, match="no usable sound"):
        engine(server.url).speak(said("Hello."))


@pytest.mark.parametrize("body", [b"", sound_file("wav", np.zeros(24000, np.int16)), sound_file("wav", tone())[:78]])
def test_no_sound_means_the_text_cannot_be_spoken(body):
    streamed = body[:4] + b"\xff" * 4 + body[8:] if body else body
    with running(Server(body=streamed)) as server, pytest.raises(UnspeakableText):
        engine(server.url).speak(said("?!"))


def test_the_version_tells_voices_apart():
    def version(**changes: str) -> str:
        options = {"base_url": "http://a/v1", "model": "m", "voice": "v", "response_format": "wav"} | changes
        return OpenAiSpeechEngine(**options, client=client_of("secret", 1.0), timeout_s=1.0).version

    versions = {
        version(),
        version(base_url="http://b/v1"),
        version(model="n"),
        version(voice="w"),
        version(response_format="mp3"),
    }
    assert len(versions) == 5
    assert version() in versions
    assert not any("secret" in text for text in versions)
