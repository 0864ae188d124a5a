import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.media import FaceBox, MouthFrames
from deployments.video.paste import paste
from deployments.video.shots import Shot

BOX = FaceBox(20, 10, 70, 90)
MASK = np.array([[0, 255], [255, 0]], np.uint8)


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def shown(picture, count=1):
    return Shot([picture] * count, np.ones(count, bool))


def mouth_frames(rgb, mask, box=BOX):
    return MouthFrames(rgb, (box,), mask[None])


def test_mask_0_keeps_the_photo_and_255_takes_the_mouth_bit_for_bit():
    photo, mouths = pixels(120, 100, 3), pixels(3, BOX.height, BOX.width, 3, seed=1)
    mask = pixels(BOX.height, BOX.width, seed=2) // 128 * np.uint8(255)
    for frame, mouth in zip(paste(shown(photo, 3), mouth_frames(mouths, mask)), mouths, strict=True):
        under = BOX.cut(frame)
        np.testing.assert_array_equal(under[mask == 0], BOX.cut(photo)[mask == 0])
        np.testing.assert_array_equal(under[mask == 255], mouth[mask == 255])


def test_only_the_box_is_touched_and_the_photo_never():
    before = pixels(120, 100, 3)
    photo = before.copy()
    (frame,) = paste(shown(photo), mouth_frames(pixels(1, 96, 96, 3), np.full((80, 50), 255, np.uint8)))
    np.testing.assert_array_equal(photo, before)
    changed = (frame != before).any(axis=2)
    assert BOX.cut(changed).mean() > 0.9
    BOX.cut(changed)[:] = False
    assert not changed.any()


@settings(deadline=None)
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_blend_is_the_rounded_mean(photo_level, mouth_level, weight):
    photo = np.full((120, 100, 3), photo_level, np.uint8)
    mouth = np.full((1, 80, 50, 3), mouth_level, np.uint8)
    (frame,) = paste(shown(photo), mouth_frames(mouth, np.full((80, 50), weight, np.uint8)))
    exact = (photo_level * (255 - weight) + mouth_level * weight) / 255
    assert np.abs(BOX.cut(frame) - exact).max() <= 0.5


def test_mouths_are_resized_to_the_box_bilinearly():
    mouth = pixels(1, 96, 96, 3)
    (frame,) = paste(shown(pixels(120, 100, 3)), mouth_frames(mouth, np.full((80, 50), 255, np.uint8)))
    np.testing.assert_array_equal(BOX.cut(frame), cv2.resize(mouth[0], (50, 80), interpolation=cv2.INTER_LINEAR))


def test_a_mask_is_resized_like_its_mouth():
    (frame,) = paste(shown(np.zeros((120, 100, 3), np.uint8)), mouth_frames(np.full((1, 4, 4, 3), 255, np.uint8), MASK))
    np.testing.assert_array_equal(BOX.cut(frame)[..., 0], cv2.resize(MASK, (50, 80)))


def test_in_a_clip_each_picture_has_its_own_box_mask_and_mouth_and_one_without_a_face_is_left_alone():
    pictures = [*pixels(3, 120, 100, 3)]
    boxes = (FaceBox(0, 0, 10, 20), FaceBox(50, 60, 90, 100))
    mouths = MouthFrames(pixels(2, 8, 8, 3, seed=1), boxes, np.full((2, 1, 1), 255, np.uint8))
    mouths.masks[1, 0, 0] = 128
    first, bare, last = paste(Shot(pictures, np.array([True, False, True])), mouths)
    assert bare is pictures[1]
    np.testing.assert_array_equal(boxes[0].cut(first), cv2.resize(mouths.rgb[0], (10, 20)))
    half = (boxes[1].cut(pictures[2]).astype(int) * 127 + cv2.resize(mouths.rgb[1], (40, 40)).astype(int) * 128) / 255
    assert np.abs(boxes[1].cut(last) - half).max() <= 0.5
    for frame, picture, box in ((first, pictures[0], boxes[0]), (last, pictures[2], boxes[1])):
        changed = (frame != picture).any(axis=2)
        box.cut(changed)[:] = False
        assert not changed.any()


def test_a_shot_without_faces_passes_as_it_is():
    pictures = [*pixels(2, 20, 20, 3)]
    assert all(a is b for a, b in zip(paste(Shot(pictures, np.zeros(2, bool)), None), pictures, strict=True))


def test_arrays_from_the_object_store_are_read_only():
    photo, mouths, mask = pixels(120, 100, 3), pixels(2, 96, 96, 3), pixels(80, 50)
    for array in (photo, mouths, mask):
        array.flags.writeable = False
    assert len(list(paste(shown(photo, 2), mouth_frames(mouths, mask)))) == 2
