import threading
import time

import cv2
import numpy as np
import pytest
from clips import make_clip

from deployments.errors import StageFailed
from deployments.footage import Footage
from deployments.media import ClipTrack, Face, FaceBox, FaceTrack, Photo, SourceOptions
from deployments.video.shots import ClipShots, PhotoShots

FRAMES = 7
FOUND = np.array([True, True, False, False, True, True, True])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    frames = [rng.integers(0, 256, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1) for _ in range(FRAMES)]
    return make_clip(None, frames, fps=25, gop=3)


@pytest.fixture(scope="module")
def pictures(data):
    with Footage(data, SourceOptions(), 64) as footage:
        return [*footage.frames()]


def track(extend):
    boxes = np.array([(i, 2 * i, i + 30, 2 * i + 20) for i in range(FRAMES)], np.int32)
    landmarks = np.arange(FRAMES, dtype=np.float32)[:, None, None].repeat(468, 1).repeat(3, 2)
    return ClipTrack(SourceOptions(extend=extend), 64, 48, 25.0, boxes, landmarks, FOUND)


@pytest.mark.parametrize(
    ("extend", "order"),
    [
        ("loop", [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0]),
        ("bounce", [0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1, 0, 1, 2]),
        ("hold", [0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6]),
    ],
)
def test_a_clip_goes_on_as_asked_and_each_shot_has_the_faces_of_its_own_pictures(data, pictures, extend, order):
    with ClipShots(track(extend), data) as shots:
        assert (shots.width, shots.height) == (64, 48)
        taken = [shots.take(4) for _ in range(3)] + [shots.take(3)]
    for first, shot in zip(range(0, 15, 4), taken, strict=True):
        numbers = order[first : first + 4]
        assert all((a == pictures[i]).all() for a, i in zip(shot.pictures, numbers, strict=True))
        assert (shot.seen == FOUND[numbers]).all()
        speaking = [i for i in numbers if FOUND[i]]
        if not speaking:
            assert shot.faces is None
            continue
        assert shot.faces.boxes == tuple(FaceBox(i, 2 * i, i + 30, 2 * i + 20) for i in speaking)
        assert (shot.faces.landmarks[:, 0, 0] == speaking).all()
        for face, box, i in zip(shot.faces.rgb, shot.faces.boxes, speaking, strict=True):
            np.testing.assert_array_equal(face, cv2.resize(box.cut(pictures[i]), (96, 96)))


def test_a_clip_longer_than_the_sound_is_cut(data, pictures):
    with ClipShots(track("loop"), data) as shots:
        shot = shots.take(3)
    assert [(a == b).all() for a, b in zip(shot.pictures, pictures, strict=False)] == [True] * 3


def test_leaving_while_another_thread_reads_ends_that_thread_with_an_error(data):
    errors, started = [], threading.Event()

    def read(shots):
        try:
            while True:
                shots.take(16)
                started.set()
        except StageFailed as error:
            errors.append(error)

    with ClipShots(track("bounce"), data) as shots:
        thread = threading.Thread(target=read, args=(shots,))
        thread.start()
        assert started.wait(10)
        time.sleep(0.05)
    thread.join(10)
    assert [error.code for error in errors] == ["stage_failed"]


def test_a_photo_is_the_same_picture_for_ever():
    photo = Photo(np.zeros((10, 20, 3), np.uint8))
    face = Face(FaceBox(1, 2, 8, 9), None, 1.0)
    with PhotoShots(FaceTrack(photo, face, None, 25.0)) as shots:
        assert (shots.width, shots.height) == (20, 10)
        shot = shots.take(5)
    assert len(shot.pictures) == 5
    assert all(picture is photo.rgb for picture in shot.pictures)
    assert shot.seen.all()
    assert shot.faces is None
