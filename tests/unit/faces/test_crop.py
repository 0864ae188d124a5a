from dataclasses import replace

import numpy as np
import pytest

from deployments.faces.crop import crop_face, face_box
from deployments.media import Face, FaceBox, Photo

# The box of shared/reference/golden.npz: an S3FD-style detector on tests/assets/poster.png, 10 px added below.
REFERENCE = FaceBox(left=170, top=60, right=275, bottom=190)


@pytest.fixture
def track(finder, poster_png):
    return finder.track(poster_png)


def overlap(a, b):
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    both = max(0, width) * max(0, height)
    return both / (a.width * a.height + b.width * b.height - both)


def test_the_default_box_is_the_one_wav2lip_was_trained_on(track):
    assert overlap(track.crop.box, REFERENCE) > 0.9


def test_a_face_box_grows_with_its_face_and_holds_every_landmark(track):
    landmarks = track.face.landmarks
    box, twice = face_box(landmarks), face_box(landmarks * 2)

    assert abs(twice.width - 2 * box.width) <= 2
    assert abs(twice.height - 2 * box.height) <= 2
    assert box.left < landmarks[:, 0].min() < landmarks[:, 0].max() < box.right
    assert box.top < landmarks[:, 1].min() < landmarks[:, 1].max() < box.bottom


def test_pads_come_in_wav2lips_order(track):
    box = track.face.box

    padded = crop_face(track.photo, track.face, pads=(1, 2, 3, 4)).box

    assert padded == FaceBox(left=box.left - 3, top=box.top - 1, right=box.right + 4, bottom=box.bottom + 2)


def test_the_area_reaches_a_third_beyond_the_box_and_holds_the_photos_own_pixels(track):
    crop = track.crop

    assert crop.area.left == crop.box.left - round(0.3 * crop.box.width)
    assert crop.area.bottom == crop.box.bottom + round(0.3 * crop.box.height)
    assert crop.rgb.shape == (crop.area.height, crop.area.width, 3)
    assert np.array_equal(crop.rgb, crop.area.cut(track.photo.rgb))
    assert np.array_equal(crop.landmarks, track.face.landmarks)


def test_box_and_area_are_cut_to_the_photo():
    photo = Photo(np.zeros((80, 100, 3), np.uint8))
    face = Face(FaceBox(20, 10, 95, 78), np.zeros((468, 3), np.float32), 1.0)

    crop = crop_face(photo, face, (0, 10, 0, 0))

    assert crop.box == FaceBox(20, 10, 95, 80)
    assert crop.area == FaceBox(0, 0, 100, 80)
    assert crop.rgb.shape == (80, 100, 3)


def test_the_digest_names_pixels_box_and_landmarks(track):
    def digest(photo=track.photo, face=track.face, pads=(0, 10, 0, 0)):
        return crop_face(photo, face, pads).digest

    other_pixel = track.photo.rgb.copy()
    other_pixel[150, 220, 0] ^= 1
    far_away = track.photo.rgb.copy()
    far_away[500, 10] = 0

    assert digest() == track.crop.digest
    assert digest(Photo(far_away)) == track.crop.digest
    assert digest(Photo(other_pixel)) != track.crop.digest
    assert digest(pads=(0, 11, 0, 0)) != track.crop.digest
    assert digest(face=replace(track.face, landmarks=track.face.landmarks + 1)) != track.crop.digest
    assert digest(face=replace(track.face, landmarks=None)) != track.crop.digest


def test_a_face_without_landmarks_has_a_crop_without_them(track):
    crop = crop_face(track.photo, replace(track.face, landmarks=None), (0, 10, 0, 0))

    assert crop.landmarks is None
    assert crop.box == track.crop.box
    assert np.array_equal(crop.rgb, track.crop.rgb)
    assert len(crop.digest) == 64
