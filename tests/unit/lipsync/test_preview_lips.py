"""The lip line: found in the picture, where the mesh is some pixels off."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import serve_app
from deployments.faces.finder import FaceFinder
from deployments.lipsync.preview.area import lower_face
from deployments.lipsync.preview.lipline import find_lips
from deployments.lipsync.preview.lips import INNER_LOWER, INNER_UPPER, OUTER_LOWER, OUTER_UPPER, mesh_lips
from deployments.lipsync.preview.motion import rest_lips

UNIT = 120.0
POSTER = Path(__file__).parents[2] / "assets" / "poster.png"
ILLUSTRATION = Path(serve_app.__file__).parent / "samples" / "illustration.png"


def painted(opening, inside=(235, 225, 215)):
    """A mouth painted on skin: its picture, the mesh's points 5 px too high, and its edges at the middle."""
    picture = np.full((160, 240, 3), (215, 170, 150), np.uint8)
    t = np.linspace(-1, 1, 61)
    x = 120 + 55 * t
    arch = 1 - t**2
    edges = {
        "rim": 80 - 18 * arch,
        "upper": 80 - opening / 2 * arch,
        "lower": 80 + opening / 2 * arch,
        "chin": 80 + 24 * arch,
    }
    lips = np.concatenate([np.stack([x, edges["rim"]], 1), np.stack([x, edges["chin"]], 1)[::-1]])
    cv2.fillPoly(picture, [lips.round().astype(np.int32)], (190, 95, 95))
    between = np.concatenate([np.stack([x, edges["upper"]], 1), np.stack([x, edges["lower"]], 1)[::-1]])
    cv2.fillPoly(picture, [between.round().astype(np.int32)], inside)
    if not opening:
        cv2.line(picture, (65, 80), (175, 80), (70, 25, 25), 3)
    points = np.zeros((468, 2))
    for ids, offset in (
        (INNER_UPPER, -opening / 2),
        (INNER_LOWER, opening / 2),
        (OUTER_UPPER, -18),
        (OUTER_LOWER, 24),
    ):
        s = np.linspace(-1, 1, len(ids))
        points[list(ids)] = np.stack([120 + 55 * s, 75 + offset * (1 - s**2)], axis=1)
    return picture, points, edges["upper"][30], edges["lower"][30]


def test_a_closed_mouth_parts_at_its_dark_seam():
    picture, points, *_ = painted(0)
    lips = find_lips(picture, points, UNIT, 6)
    assert not lips.open
    assert mesh_lips(points, UNIT).upper[16] == pytest.approx(75)
    assert lips.upper[2:-2] == pytest.approx(np.full(29, 80), abs=1.0)
    assert np.array_equal(lips.upper, lips.lower)


def test_an_open_mouth_has_its_edges_where_the_teeth_meet_the_lips():
    picture, points, upper, lower = painted(26)
    lips = find_lips(picture, points, UNIT, 6)
    assert lips.open
    assert (lips.upper[16], lips.lower[16]) == pytest.approx((upper, lower), abs=2.5)


def test_an_open_mouth_may_show_the_dark_instead_of_teeth():
    picture, points, upper, lower = painted(26, inside=(45, 20, 20))
    lips = find_lips(picture, points, UNIT, 6)
    assert lips.open
    assert (lips.upper[16], lips.lower[16]) == pytest.approx((upper, lower), abs=2.5)


def test_a_mouth_that_the_mesh_reads_as_open_is_closed_where_only_lips_are_seen():
    picture, points, *_ = painted(0)
    points[[81, 82, 13, 312, 311], 1] -= 5
    points[[178, 87, 14, 317, 402], 1] += 5
    assert mesh_lips(points, UNIT).open
    assert not find_lips(picture, points, UNIT, 6).open


@pytest.mark.parametrize(("path", "is_open"), [(POSTER, True), (ILLUSTRATION, False)])
def test_a_smile_with_teeth_is_told_from_a_closed_mouth(path, is_open):
    area = lower_face(FaceFinder().track(path.read_bytes()).crop)
    assert find_lips(area.picture, area.points, area.unit, 4).open == is_open


def test_at_rest_a_smile_is_shut_flatter_and_no_wider():
    picture, points, *_ = painted(26)
    smile = find_lips(picture, points, UNIT, 6)
    rest = rest_lips(smile, UNIT)
    assert np.all(rest.upper >= rest.lower)
    assert rest.width <= smile.width
    line = (smile.upper + 2 * smile.lower) / 3
    assert np.ptp((rest.upper + rest.lower) / 2) < 0.6 * np.ptp(line)
