"""The video that a caller gets, decoded again: its lips follow the words that are heard."""

import io
import json

import av
import httpx
import numpy as np
import pytest
from client import finished, order

from deployments.faces.photo import decode_photo
from deployments.faces.search import FaceSearch
from deployments.lipsync.preview.engine import PreviewEngine
from deployments.media import Passage, Photo
from deployments.speech.hibari import HibariEngine

TEXT = "Maybe my bumpy map will help, Papa opened a big blue umbrella over the boat."
FPS = 25


class Decoded:
    """An MP4's frames (n, h, w, 3), its sound as float, where the streams start, and its metadata."""

    def __init__(self, data):
        with av.open(io.BytesIO(data)) as container:
            self.metadata = dict(container.metadata)
            video, audio = container.streams.video[0], container.streams.audio[0]
            self.codecs = video.codec_context.profile, video.pix_fmt, audio.codec_context.name
            self.starts_s = [float((stream.start_time or 0) * stream.time_base) for stream in (video, audio)]
            self.frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video)])
        with av.open(io.BytesIO(data)) as container:
            self.rate_hz = container.streams.audio[0].rate
            sound = [frame for frame in container.decode(audio=0) if frame.pts is not None and frame.pts >= 0]
            self.sound = np.concatenate([frame.to_ndarray()[0] for frame in sound]).astype(np.float64)


@pytest.fixture(scope="module")
def speech():
    return HibariEngine().speak(Passage(TEXT, TEXT))


@pytest.fixture(scope="module", params=["astronaut", "illustration"])
def clip(request, http):
    video = finished(http, order(http, poster_id=request.param, text=TEXT, motion="still"))
    assert video["status"] == "completed", video
    return request.param, Decoded(httpx.get(video["video_url"]).content)


@pytest.fixture(scope="module")
def opening(clip):
    """The gap between the inner lips over the mouth's width, frame by frame, above what the first frame has."""
    search = FaceSearch()
    points = np.stack([search.large(Photo(frame))[0].landmarks[:, :2] for frame in clip[1].frames])
    gap = np.linalg.norm(points[:, 13] - points[:, 14], axis=1) / np.linalg.norm(points[:, 78] - points[:, 308], axis=1)
    return gap - gap[0]


def test_the_video_is_as_long_as_the_speech_and_both_start_at_zero(clip, speech):
    _, decoded = clip
    assert abs(len(decoded.frames) - round(FPS * speech.waveform.duration_s)) <= 1
    assert decoded.starts_s == pytest.approx([0, 0], abs=1e-3)


def test_phones_can_play_it_and_it_says_what_it_is(clip):
    assert clip[1].codecs == ("High", "yuv420p", "aac")
    assert "synthetic" in json.dumps(clip[1].metadata).lower()


def test_what_is_heard_is_the_speech(clip, speech):
    sent = speech.waveform.samples.astype(np.float64)
    heard = clip[1].sound[: len(sent)]
    assert clip[1].rate_hz == speech.waveform.rate_hz
    assert np.corrcoef(sent[: len(heard)], heard)[0, 1] > 0.95


def test_the_mouth_opens_as_the_visemes_demand(opening, speech):
    wanted = PreviewEngine().drive(speech, FPS).features[0][: len(opening)]
    inner = slice(2, len(wanted) - 2)
    r = {lag: np.corrcoef(np.roll(opening, lag)[inner], wanted[inner])[0, 1] for lag in range(-2, 3)}
    best = max(r, key=r.get)
    print(f"opening against drive: r = {r[best]:.2f} at lag {best}")
    assert abs(best) <= 1
    assert r[best] >= 0.8


def test_the_lips_are_closed_at_p_b_and_m(opening, speech):
    middles = [(p.start_s + p.end_s) / 2 for p in speech.phonemes if p.symbol in ("p", "b", "m")]
    assert len(middles) >= 10
    at = opening[[min(int(middle * FPS), len(opening) - 1) for middle in middles]]
    print(f"opening at closures: {np.round(at / opening.max(), 2)}")
    assert np.all(at < 0.25 * opening.max())


def test_above_the_eyes_nothing_moves(clip):
    poster_id, decoded = clip
    from serve_app.app import _samples

    photo = decode_photo(_samples()[poster_id].read_bytes())
    face = FaceSearch().large(photo)[0]
    brow = int(face.landmarks[[33, 263], 1].min()) - face.box.height // 12
    area = slice(face.box.top, brow), slice(face.box.left, face.box.right)
    brightness = np.array([0.2126, 0.7152, 0.0722])  # 4:2:0 halves the colours' resolution, and leaves this
    shown, given = decoded.frames[(slice(None), *area)] @ brightness, photo.rgb[area] @ brightness
    difference = np.abs(shown - given)
    print(f"above the eyes: {difference.mean():.2f} levels on average, moving by {shown.std(axis=0).mean():.2f}")
    assert difference.mean() < 3
    assert shown.std(axis=0).mean() < 2
