"""Fields of motion: they take the control points where they should go, and their inverse leads back."""

import numpy as np
import pytest

from deployments.lipsync.preview.pictures import looked_up
from deployments.lipsync.preview.warp import backwards, grid_centres, spline_matrix, upsampled

STEP, WIDTH, HEIGHT = 6, 240, 180


@pytest.fixture(scope="module")
def controls():
    x, y = np.meshgrid(np.linspace(20, WIDTH - 20, 5), np.linspace(20, HEIGHT - 20, 5))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def test_a_spline_takes_its_control_points_where_they_should_go(controls):
    moves = np.random.default_rng(1).normal(0, 3, (25, 2))
    assert spline_matrix(controls, controls, 100.0) @ moves == pytest.approx(moves, abs=0.2)


def test_a_spline_moves_everything_along_with_a_common_move(controls):
    places = np.random.default_rng(2).uniform(0, 200, (40, 2))
    moved = spline_matrix(controls, places, 100.0) @ np.tile([4.0, -2.0], (25, 1))
    assert moved == pytest.approx(np.tile([4.0, -2.0], (40, 1)), abs=0.02)


def test_the_inverse_leads_back_even_where_the_picture_doubles(controls):
    centres = grid_centres(WIDTH, HEIGHT, STEP)
    away = centres - np.array([120, 90], np.float32)
    forward = away * 0.9 * np.exp(-(away**2).sum(axis=-1, keepdims=True) / 50**2)
    back = backwards(forward, centres, STEP)
    there = centres + back
    again = there + looked_up(forward, (there - (STEP - 1) / 2) / STEP)
    error = np.abs(again - centres)
    assert np.abs(back).max() > 10
    assert error.max() < 0.5


def test_upsampling_keeps_the_values_at_the_centres_of_the_cells():
    ramp = grid_centres(WIDTH, HEIGHT, STEP)
    inside = slice(STEP, -STEP)
    assert upsampled(ramp, STEP)[inside, inside] == pytest.approx(
        grid_centres(WIDTH, HEIGHT, 1)[inside, inside], abs=1e-3
    )
