"""Memory stays flat: two minutes of sound need hardly more than ten seconds of it."""

import io
import re
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from client import finished, order
from PIL import Image

from deployments.media import Passage
from deployments.speech.hibari import HibariEngine

STAGES = ("VideoStage", "LipsyncStage")
ASTRONAUT = Path(__file__).parents[1] / "assets" / "poster.png"


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")


@pytest.fixture(scope="module")
def small_poster():
    """The sample poster at half its size: so that minutes of it take this machine less than one."""
    out = io.BytesIO()
    Image.open(ASTRONAUT).resize((256, 256), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def voice():
    text = "The quick brown fox jumps over the lazy dog, and then it sleeps."
    return HibariEngine().speak(Passage(text, text)).waveform


def _wav(voice, seconds):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(voice.rate_hz)
        file.writeframes(np.resize(voice.samples, round(seconds * voice.rate_hz)).tobytes())
    return out.getvalue()


def _peaks_mb(service, http, poster, sound):
    """Peak resident memory of the stages' replicas while the video is made."""
    processes = {stage: service.replicas(stage)[0].pid for stage in STAGES}
    for pid in processes.values():
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # resets the peak, see proc(5)
    video = finished(http, order(http, {"poster": poster, "audio": sound}, motion="still"), timeout_s=600)
    assert video["status"] == "completed", video
    status = {stage: Path(f"/proc/{pid}/status").read_text() for stage, pid in processes.items()}
    return video, {stage: int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024 for stage, text in status.items()}


def test_two_minutes_take_hardly_more_memory_than_ten_seconds(service, http, small_poster, voice):
    _peaks_mb(service, http, small_poster, _wav(voice, 9))  # warm
    _, short = _peaks_mb(service, http, small_poster, _wav(voice, 10))
    video, long = _peaks_mb(service, http, small_poster, _wav(voice, 120))
    assert video["frames"] == 3000
    print(f"peak MB for 10 s: {short}, for 120 s: {long}, timings: {video['timings_s']}")
    for stage in STAGES:
        assert long[stage] <= 1.15 * short[stage]
