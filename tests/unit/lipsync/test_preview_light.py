"""The light in a picture: teeth as bright and as coloured as it can show them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from deployments.faces.finder import FaceFinder
from deployments.lipsync.preview.area import lower_face
from deployments.lipsync.preview.light import MOST_SLOPE, light_in

POSTER = Path(__file__).parents[2] / "assets" / "poster.png"


@pytest.fixture(scope="module")
def area():
    return lower_face(FaceFinder().track(POSTER.read_bytes()).crop)


def seen_as(area, picture):
    return light_in(dataclasses.replace(area, picture=np.clip(picture, 0, 255).astype(np.uint8)))


def test_teeth_are_as_dark_as_the_picture(area):
    assert seen_as(area, 0.5 * area.picture).tooth.mean() == pytest.approx(light_in(area).tooth.mean() / 2, rel=0.05)


def test_teeth_take_on_the_colour_of_the_light(area):
    white, warm = light_in(area).tooth, seen_as(area, area.picture * [1.0, 0.8, 0.5]).tooth
    assert warm[2] / warm[0] < 0.8 * white[2] / white[0]


def test_light_from_the_right_lights_the_right_side(area):
    ramp = np.linspace(0.5, 1.0, area.picture.shape[1])[None, :, None]
    light = seen_as(area, area.picture * ramp)
    middle = float(area.points[13, 0])
    left, centre, right = light.across(middle + area.unit * np.array([-0.4, 0.0, 0.4], np.float32), middle)
    assert left < 0.95 < centre < 1.05 < right
    assert light.across(np.array([1e6], np.float32), middle)[0] == pytest.approx(1 + MOST_SLOPE)


def test_a_photo_in_colour_keeps_drawn_colours_and_a_monochrome_one_gives_its_own(area):
    ivory = np.array([[220, 210, 180], [60, 30, 30]], np.float32)
    assert np.array_equal(light_in(area).toned(ivory), ivory)
    grey = np.repeat(area.picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    assert np.ptp(seen_as(area, grey).toned(ivory), axis=-1).max() < 1e-3
    sepia = seen_as(area, grey * [1.0, 0.85, 0.65]).toned(ivory)
    assert sepia[0, 0] > sepia[0, 1] > sepia[0, 2]
    assert sepia[0].mean() > sepia[1].mean()
