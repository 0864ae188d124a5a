from dataclasses import replace

import cv2
import numpy as np
import pytest

from deployments.faces.landmarks import FaceMesh, region_of, upright

# Mesh index -> where that point lies on tests/assets/poster.png, read off the picture by hand.
SEEN = {
    61: (199, 140),
    291: (247, 142),
    13: (223, 142),
    14: (223, 149),
    17: (222, 156),
    33: (194, 101),
    263: (256, 104),
}


@pytest.fixture(scope="module")
def mesh():
    return FaceMesh()


@pytest.fixture(scope="module")
def fitted(finder, poster_png):
    return finder.track(poster_png).face.landmarks


def test_landmarks_lie_on_eyes_and_lips(fitted):
    assert fitted.shape == (468, 3)
    assert fitted.dtype == np.float32
    for index, seen in SEEN.items():
        assert np.hypot(*(fitted[index, :2] - seen)) < 3, index


def test_the_nose_is_nearer_than_the_ears(fitted):
    assert fitted[1, 2] < fitted[[234, 454], 2].min() - 30


@pytest.mark.parametrize("degrees", [-35, 20])
def test_the_mesh_turns_with_the_face(mesh, fitted, poster_rgb, degrees):
    matrix = cv2.getRotationMatrix2D((222, 120), degrees, 1)
    turned = cv2.warpAffine(poster_rgb, matrix, (512, 512))
    start = (fitted[:, :2] @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)

    landmarks, confidence = mesh.refit(turned, np.column_stack([start, fitted[:, 2]]))

    assert confidence > 0.9
    assert np.abs(landmarks[list(SEEN), :2] - start[list(SEEN)]).max() < 3


def test_a_refit_makes_the_mesh_depend_less_on_where_it_looked_first(mesh, fitted, poster_rgb):
    chance = np.random.default_rng(5)
    firsts, seconds = [], []
    for shift_x, shift_y, grow in chance.normal(0, (4, 4, 0.08), (12, 3)):
        region = region_of(fitted)
        region = replace(
            region,
            center_x=region.center_x + shift_x,
            center_y=region.center_y + shift_y,
            side=region.side * (1 + grow),
        )
        firsts.append(mesh.fit(poster_rgb, region)[0])
        seconds.append(mesh.refit(poster_rgb, firsts[-1])[0])
    assert np.std(seconds, axis=0)[:, :2].mean() < 0.8 * np.std(firsts, axis=0)[:, :2].mean()


def test_where_there_is_no_face_the_mesh_is_not_confident(mesh, fitted, poster_rgb):
    away = replace(region_of(fitted), center_x=420, center_y=200)

    assert mesh.fit(poster_rgb, away)[1] < 0.5


def test_upright_means_eyes_above_the_mouth(fitted):
    about = fitted[1, :2]

    def turned(degrees):
        matrix = cv2.getRotationMatrix2D(about.tolist(), degrees, 1)
        return np.column_stack([fitted[:, :2] @ matrix[:, :2].T + matrix[:, 2], fitted[:, 2]])

    assert all(upright(turned(degrees)) for degrees in (0, 50, -50))
    assert not any(upright(turned(degrees)) for degrees in (75, -75, 180))
