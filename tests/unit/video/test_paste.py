import time

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.media import FaceBox, MouthFrames, Photo
from deployments.video.paste import paste

BOX = FaceBox(20, 10, 70, 90)


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_mask_0_keeps_the_photo_and_255_takes_the_mouth_bit_for_bit():
    photo, mouths = Photo(pixels(120, 100, 3)), pixels(3, BOX.height, BOX.width, 3, seed=1)
    mask = pixels(BOX.height, BOX.width, seed=2) // 128 * np.uint8(255)
    for frame, mouth in zip(paste(photo, MouthFrames(mouths, BOX, mask)), mouths, strict=True):
        under = BOX.cut(frame)
        np.testing.assert_array_equal(under[mask == 0], BOX.cut(photo.rgb)[mask == 0])
        np.testing.assert_array_equal(under[mask == 255], mouth[mask == 255])


def test_only_the_box_is_touched_and_the_photo_never():
    before = pixels(120, 100, 3)
    photo = Photo(before.copy())
    (frame,) = paste(photo, MouthFrames(pixels(1, 96, 96, 3), BOX, np.full((80, 50), 255, np.uint8)))
    np.testing.assert_array_equal(photo.rgb, before)
    changed = (frame != before).any(axis=2)
    assert BOX.cut(changed).mean() > 0.9
    BOX.cut(changed)[:] = False
    assert not changed.any()


@settings(deadline=None)
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_blend_is_the_rounded_mean(photo_level, mouth_level, weight):
    photo = Photo(np.full((120, 100, 3), photo_level, np.uint8))
    mouth = np.full((1, 80, 50, 3), mouth_level, np.uint8)
    (frame,) = paste(photo, MouthFrames(mouth, BOX, np.full((80, 50), weight, np.uint8)))
    exact = (photo_level * (255 - weight) + mouth_level * weight) / 255
    assert np.abs(BOX.cut(frame) - exact).max() <= 0.5


def test_mouths_are_resized_to_the_box_bilinearly():
    mouth = pixels(1, 96, 96, 3)
    (frame,) = paste(Photo(pixels(120, 100, 3)), MouthFrames(mouth, BOX, np.full((80, 50), 255, np.uint8)))
    np.testing.assert_array_equal(BOX.cut(frame), cv2.resize(mouth[0], (50, 80), interpolation=cv2.INTER_LINEAR))


def test_arrays_from_the_object_store_are_read_only():
    photo, mouths, mask = pixels(120, 100, 3), pixels(2, 96, 96, 3), pixels(80, 50)
    for array in (photo, mouths, mask):
        array.flags.writeable = False
    assert len(list(paste(Photo(photo), MouthFrames(mouths, BOX, mask)))) == 2


def test_a_box_of_250_pixels_takes_at_most_2_ms():
    box = FaceBox(100, 100, 350, 350)
    mouths = MouthFrames(pixels(20, 96, 96, 3), box, pixels(250, 250))
    photo = Photo(pixels(512, 512, 3))
    times = []
    for _ in range(5):
        started = time.thread_time()
        for _ in paste(photo, mouths):
            pass
        times.append((time.thread_time() - started) / 20)
    assert min(times) < 0.002
