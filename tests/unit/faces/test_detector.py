import numpy as np
import pytest

from deployments.faces.detector import FaceDetector, tiles, whole


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


def test_the_poster_has_one_face_with_its_keypoints_where_they_are(detector, poster_rgb):
    (face,) = detector.detect(poster_rgb, whole(512, 512))

    left_eye, right_eye, nose, mouth, left_ear, right_ear = face.keypoints
    assert np.abs(left_eye - (203, 101)).max() < 5  # read off the picture by hand
    assert np.abs(right_eye - (247, 103)).max() < 5
    assert np.abs(nose - (224, 125)).max() < 7
    assert np.abs(mouth - (223, 147)).max() < 7
    assert left_ear[0] < left_eye[0] < right_eye[0] < right_ear[0]
    assert 0.5 < face.score <= 1
    assert 90 < face.corners[1, 0] - face.corners[0, 0] < 120


def test_one_face_seen_in_several_regions_is_one_detection(detector, poster_rgb):
    regions = whole(512, 512) + tiles(512, 512)

    assert len(detector.detect(poster_rgb, regions)) == 1


@pytest.mark.parametrize(("width", "height"), [(2048, 2048), (3000, 700), (600, 4000), (300, 200)])
def test_every_spot_of_a_picture_lies_well_inside_a_tile(width, height):
    regions = tiles(width, height)
    margin = regions[0].side / 8

    for x, y in np.random.default_rng(3).uniform((0, 0), (width, height), (500, 2)):
        assert any(
            _inside(x, region.center_x, region.side, width, margin)
            and _inside(y, region.center_y, region.side, height, margin)
            for region in regions
        )


def _inside(at, center, side, length, margin):
    low, high = center - side / 2, center + side / 2
    return (at - low >= margin or low <= 0) and (high - at >= margin or high >= length)
