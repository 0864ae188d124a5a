"""A clip as the face source, from the form to the decoded MP4, with Wav2Lip."""

import io
import re
import wave
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import pytest
from client import finished, order
from clips import make_clip, moving_poster, moving_poster_matrix

from deployments.faces.finder import FaceFinder

SECONDS, FPS, SIZE, NO_FACE_S = 12, 30, (480, 360), (5, 7)
ASSETS = Path(__file__).parents[1] / "assets"


@pytest.fixture(scope="module")
def http(world):
    with httpx.Client(base_url=world[1].url, timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def source():
    return [*moving_poster(SECONDS, FPS, SIZE, NO_FACE_S)]


@pytest.fixture(scope="module")
def clip(source):
    return make_clip(None, source, fps=FPS)


@pytest.fixture(scope="module")
def voice():
    with wave.open(str(ASSETS / "speech_16k.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def wav(voice, seconds):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.resize(voice, round(seconds * 16_000)).tobytes())
    return out.getvalue()


def frames_of(data):
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def speak(http, clip, sound, **options):
    return finished(http, order(http, {"poster": ("clip.mp4", clip), "audio": sound}, **options), timeout_s=400)


@pytest.fixture(scope="module")
def peaks(world):
    """The peak memory in MB of the stages that see frames, since `reset`."""

    class Peaks:
        def reset(self):
            for stage in ("VideoStage", "LipsyncStage"):
                Path(f"/proc/{world[1].replicas(stage)[0].pid}/clear_refs").write_text("5")

        def read(self):
            found = {}
            for stage in ("VideoStage", "LipsyncStage"):
                status = Path(f"/proc/{world[1].replicas(stage)[0].pid}/status").read_text()
                found[stage] = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
            return found

    return Peaks()


@pytest.fixture(scope="module")
def made(http, clip, voice, peaks):
    """The video of the whole clip, its frames, and the peaks of a quarter of it and of all."""
    speak(http, clip, wav(voice, 4))  # warm
    peaks.reset()
    speak(http, clip, wav(voice, SECONDS / 4))
    quarter = peaks.read()
    peaks.reset()
    video = speak(http, clip, wav(voice, SECONDS))
    return video, frames_of(http.get(f"/v1/videos/{video['id']}/content").content), quarter, peaks.read()


def seen(i):
    return not NO_FACE_S[0] <= i / FPS < NO_FACE_S[1]


def test_a_talking_clip_is_made_without_failure_and_says_where_there_was_no_face(made):
    video, frames, *_ = made
    assert video["status"] == "completed", video
    assert (video["width"], video["height"], video["fps"]) == (*SIZE, FPS)
    assert len(frames) == video["frames"] == SECONDS * FPS
    assert abs(video["frames_without_face"] - 2 * FPS) <= 3


def test_the_mouth_is_new_where_there_is_a_face_and_the_rest_is_the_source(made, source):
    mouth = FaceFinder().track((ASSETS / "poster.png").read_bytes()).face.landmarks[[13, 14], :2].mean(axis=0)
    for i in range(0, len(source), 15):
        changed = np.abs(made[1][i].astype(int) - source[i]).max(axis=2)
        if not seen(i):
            assert np.percentile(changed, 99.9) < 30
            continue
        affine = moving_poster_matrix(i, FPS, SIZE)
        x, y = affine[:, :2] @ mouth + affine[:, 2]
        px = int(np.hypot(*affine[:, 0]) * 20)  # 20 of the poster's pixels: the mouth is 40 wide
        assert np.median(changed[int(y) - px // 2 : int(y) + px // 2, int(x) - px : int(x) + px]) > 30
        aside = np.ones(changed.shape, np.uint8)
        cv2.circle(aside, (int(x), int(y)), 4 * px, 0, -1)
        assert np.percentile(changed[aside > 0], 99.9) < 30  # what two encoders did to the grain of the wall


def test_memory_does_not_grow_with_the_clip(made):
    *_, quarter, whole = made
    print(f"peak MB for a quarter: {quarter}, for the whole: {whole}, timings: {made[0]['timings_s']}")
    for stage, peak in whole.items():
        assert peak <= 1.25 * quarter[stage]  # malloc's part varies by 17 %; all frames are 187 MB, a quarter's 47


def test_options_reach_the_picture(http, source, voice):
    sideways = make_clip(None, [np.rot90(frame).repeat(2, 0).repeat(2, 1) for frame in source[:15]], fps=FPS)
    options = {"resize_factor": "2", "rotate": "true", "crop": "0,300,40,-1", "pads": "0 20 5 5", "fps": "25"}
    video = speak(http, sideways, wav(voice, 1.0), extend="bounce", **options)
    assert (video["status"], video["fps"], video["frames"]) == ("completed", 25, 25)
    assert (video["width"], video["height"]) == (440, 300)
    frames = frames_of(http.get(f"/v1/videos/{video['id']}/content").content)
    for i, shown in ((0, 0), (12, 14), (20, 4)):  # there in half a second, and back
        upright = source[shown][0:300, 40:]
        assert np.abs(frames[i][:, :60].astype(int) - upright[:, :60]).mean() < 8
        assert np.abs(frames[i][:60].astype(int) - upright[:60]).mean() < 8
