import math

import cv2
import numpy as np
import pytest

from deployments.faces.region import Region


def smooth_picture(height=300, width=400):
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 4)


def test_a_region_of_its_own_size_is_the_pixels_themselves():
    rgb = smooth_picture()

    view = Region(center_x=150, center_y=120, side=64).view(rgb, 64)

    assert np.array_equal(view, rgb[88:152, 118:182])


def test_a_shrunk_view_averages_areas():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 200

    view = Region(128, 128, 256).view(stripes, 64)

    assert np.abs(view.astype(int) - 100).max() <= 1


def test_outside_the_photo_is_black():
    view = Region(0, 0, 64).view(np.full((100, 100, 3), 255, np.uint8), 64)

    assert not view[:31, :].any()
    assert not view[:, :31].any()
    assert np.all(view[33:, 33:] == 255)


def test_a_quarter_turn_clockwise_shows_the_picture_turned_back():
    rgb = smooth_picture()

    turned = Region(150, 120, 64, roll_rad=math.pi / 2).view(rgb, 64)

    assert np.abs(turned.astype(int) - np.rot90(rgb[88:152, 118:182])).max() <= 1


@pytest.mark.parametrize("roll_rad", [0.0, 0.4, -2.0])
@pytest.mark.parametrize("side", [50.0, 150.0])
def test_points_of_a_view_lie_on_the_same_pixels_of_the_photo(roll_rad, side):
    rgb = smooth_picture()
    region = Region(200, 150, side, roll_rad)
    points = np.array([[20.5, 30.5], [70.5, 80.5]], np.float32)

    seen = region.view(rgb, 100)[[30, 80], [20, 70]].astype(float)
    at = region.to_photo(points, 100) - 0.5
    expected = cv2.remap(rgb, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR)[0]

    assert np.abs(seen - expected).max() <= 4


def test_a_region_around_a_tilted_face_is_tilted_with_its_eyes():
    corners = np.array([[10, 20], [110, 100]], np.float32)

    region = Region.around(corners, left_eye=np.float32([40, 50]), right_eye=np.float32([70, 80]))

    assert region == Region(60, 60, 150, math.pi / 4)
