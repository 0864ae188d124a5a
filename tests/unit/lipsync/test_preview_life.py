"""Life in the preview: heads that sway and eyes that blink by the seed, and a background that never moves."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

import serve_app
from deployments.faces.finder import FaceFinder
from deployments.faces.landmarks import FaceMesh
from deployments.lipsync.preview.channels import CHANNELS, LIFE
from deployments.lipsync.preview.engine import PreviewEngine
from deployments.lipsync.preview.life import life_curves
from deployments.media import FaceCrop, Life, MouthDrive, Phoneme, Speech, Waveform

ASSETS = Path(__file__).parents[2] / "assets"
PICTURES = {
    "photo": ASSETS / "poster.png",
    "drawing": Path(serve_app.__file__).parent / "samples" / "illustration.png",
}
TURN, NOD, TILT, BLINK = range(len(LIFE))
STILL = (0.0, 0.0, 0.0, 0.0)
SWAYED = [(1.0, 1.0, 1.0, 0.0), (-1.0, -1.0, -1.0, 0.0), (1.0, -1.0, 0.0, 1.0)]
EYES = ((33, 133, 159, 145), (362, 263, 386, 374))
"""Corners, and the middle of the lids."""
REST = (0.0,) * len(CHANNELS)


@pytest.fixture(scope="module")
def engine():
    return PreviewEngine()


@pytest.fixture(scope="module", params=list(PICTURES))
def track(request):
    return FaceFinder().track(PICTURES[request.param].read_bytes())


@pytest.fixture(scope="module")
def speech():
    noise = np.random.default_rng(0).normal(0, 3000, 16000 * 4).astype(np.int16)
    return Speech(Waveform(noise, 16000), (Phoneme("ɑ", 0.5, 1.5), Phoneme("m", 1.5, 2.0), Phoneme("i", 2.0, 3.5)))


def living(*moments, mouth=REST):
    features = np.array([(*mouth, *moment) for moment in moments], np.float32).T
    return MouthDrive("preview", 25.0, features, np.arange(len(moments), dtype=np.int32), 1)


def whole(track, frames, index):
    picture = track.photo.rgb.copy()
    frames.boxes[0].cut(picture)[:] = frames.rgb[index]
    return picture


def contrasts(picture, landmarks):
    """How much white, iris and glint differ in the middle of each eye: hardly, where its lid covers them."""
    for eye in EYES:
        points = landmarks[[*eye], :2]
        (x, y), width = points.mean(axis=0), np.linalg.norm(points[0] - points[1])
        middle = picture[int(y - 0.12 * width) : int(y + 0.08 * width) + 1, int(x - 0.3 * width) : int(x + 0.3 * width)]
        yield middle.mean(axis=2).std()


@pytest.mark.parametrize("fps", [25, 30, 60])
def test_life_follows_from_the_seed(fps):
    once, again, other = (life_curves(Life(seed), fps, 20 * fps) for seed in (7, 7, 8))
    assert np.array_equal(once, again)
    assert all(np.abs(mine - theirs).max() > 0.2 for mine, theirs in zip(once, other, strict=True))


@pytest.mark.parametrize("fps", [25, 30, 60])
def test_life_goes_on_where_the_passage_before_ended(fps):
    film = life_curves(Life(3), fps, 12 * fps)
    cuts = [0, 1, 2 * fps + 7, 7 * fps, 12 * fps]
    passages = [life_curves(Life(3, first / fps), fps, stop - first) for first, stop in pairwise(cuts)]
    np.testing.assert_allclose(np.concatenate(passages, axis=1), film, atol=1e-6)


def test_a_video_begins_as_the_photo_is():
    assert np.abs(life_curves(Life(5), 60, 3)).max() < 0.01


@pytest.mark.parametrize("seed", range(5))
def test_sways_are_small_and_slow(seed):
    swaying = life_curves(Life(seed), 25, 60 * 25)[[TURN, NOD, TILT]]
    assert np.abs(swaying).max() <= 1
    assert np.abs(swaying).max(axis=1).min() > 0.4
    assert np.abs(np.diff(swaying)).max() < 0.08


@pytest.mark.parametrize("fps", [25, 30, 60])
@pytest.mark.parametrize("seed", range(5))
def test_eyes_blink_now_and_then_shut_and_open_in_a_moment(seed, fps):
    shut = life_curves(Life(seed), fps, 60 * fps)[BLINK]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shut > 0, [0]])))
    begins, ends = edges[:-2:2], edges[1:-2:2]  # the last may be cut
    assert 12 <= len(begins) <= 20
    assert np.all((ends - begins) / fps >= 0.1)
    assert np.all((ends - begins) / fps <= 0.4)
    assert all(shut[begin:end].max() == 1 for begin, end in zip(begins, ends, strict=True))
    assert np.diff(begins).min() / fps > 1


def test_still_is_the_drive_of_the_mouth_alone(engine, speech):
    still, alive = engine.drive(speech, 25), engine.drive(speech, 25, life=Life(1))
    assert len(still.features) == len(CHANNELS)
    assert np.array_equal(alive.features[: len(CHANNELS)], still.features)
    assert len(alive.features) == len(CHANNELS) + len(LIFE)


def test_a_moment_without_life_is_the_still_frame(engine, track):
    mouth = (0.2, -0.03, 0.0, 0.0, 0.0, 0.0)
    moment = living(STILL, mouth=mouth)
    still = MouthDrive("preview", 25.0, moment.features[: len(CHANNELS)], moment.starts, 1)
    assert np.array_equal(engine.animate(track.crop, moment).rgb, engine.animate(track.crop, still).rgb)


def test_the_background_never_moves(engine, track):
    frames = engine.animate(track.crop, living(*SWAYED, mouth=(0.3, 0.0, 0.0, 0.0, 0.0, 0.0)))
    outline = track.face.landmarks[:, :2]
    unit = np.linalg.norm(np.subtract(*outline[[33, 263]]))
    head = np.zeros(track.photo.rgb.shape[:2], np.uint8)
    cv2.fillConvexPoly(head, cv2.convexHull(outline.astype(np.int32)), 1)
    head = cv2.dilate(head, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (int(0.5 * unit) | 1,) * 2)) > 0
    for index in range(len(SWAYED)):
        changed = (whole(track, frames, index) != track.photo.rgb).any(axis=2)
        assert changed[head].mean() > 0.3
        assert not changed[~head].any()


def test_frames_meet_the_photo_at_the_rim_of_their_box(engine, track):
    frames = engine.animate(track.crop, living(*SWAYED))
    photo = frames.boxes[0].cut(track.photo.rgb)
    for rim in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert all(np.array_equal(rgb[rim], photo[rim]) for rgb in frames.rgb)


def test_a_turn_takes_eyes_nose_and_mouth_along(engine, track):
    frames = engine.animate(track.crop, living((1.0, 0.0, 0.0, 0.0), (-1.0, 0.0, 0.0, 0.0)))
    pictures = [cv2.resize(whole(track, frames, index), None, fx=4, fy=4) for index in range(2)]
    right, left = (FaceMesh().refit(picture, 4 * track.face.landmarks)[0] for picture in pictures)
    unit = 0.64 * np.linalg.norm(np.subtract(*track.face.landmarks[[33, 263], :2]))
    moved = (right - left)[[33, 133, 362, 263, 1, 13, 14], 0] / 4 / unit
    assert np.all(moved > 0.02)
    assert np.all(moved < 0.09)


def test_a_blink_shuts_the_eyes(engine, track):
    frames = engine.animate(track.crop, living((0.0, 0.0, 0.0, 0.5), (0.0, 0.0, 0.0, 1.0)))
    pictures = [track.photo.rgb, whole(track, frames, 0), whole(track, frames, 1)]
    for awake, half, shut in zip(*(contrasts(picture, track.face.landmarks) for picture in pictures), strict=True):
        assert awake > half > shut
        assert shut < 0.65 * awake


def test_eyes_that_cannot_be_read_stay_as_they_are(engine, track):
    hidden = track.crop.rgb.copy()
    points = track.face.landmarks[:, :2] - (track.crop.area.left, track.crop.area.top)
    reach = 0.35 * np.linalg.norm(np.subtract(*points[[33, 263]]))
    for eye in EYES:
        middle = points[[*eye]].mean(axis=0).round().astype(int).tolist()
        cv2.circle(hidden, middle, int(reach), (20, 20, 24), -1)
    shaded = FaceCrop(hidden, track.crop.area, track.crop.box, track.crop.landmarks, track.crop.digest + "shaded")
    frames = engine.animate(shaded, living((0.0, 0.0, 0.0, 1.0), STILL))
    assert np.array_equal(frames.rgb[0], frames.rgb[1])


def test_chunks_of_a_living_head_are_those_of_the_whole(track, speech):
    drive = PreviewEngine().drive(speech, 25, life=Life(2))
    frames = PreviewEngine().animate(track.crop, drive)
    fresh = PreviewEngine()
    chunks = [fresh.animate(track.crop, drive.chunk(a, b)).rgb for a, b in pairwise([0, 16, 17, 40, drive.frames])]
    assert np.array_equal(np.concatenate(chunks), frames.rgb)


def test_a_blink_begins_and_ends_without_a_jump(engine, track):
    moments = [(0.0, 0.0, 0.0, shut) for shut in (0.0, 1e-4, 0.02)]
    open_, begun, further = engine.animate(track.crop, living(*moments)).rgb.astype(int)
    assert np.abs(begun - open_).max() <= 8
    assert np.abs(further - open_).mean() < 0.5
