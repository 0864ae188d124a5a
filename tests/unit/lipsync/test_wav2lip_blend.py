"""Where a generated mouth shows, and in which light: no edge of the box, no step at the seam, no flicker."""

import cv2
import numpy as np
import pytest

from deployments.faces.search import FaceSearch
from deployments.lipsync.blend import lower_face_masks, matched
from deployments.media import FaceBox, Photo

LIPS = (61, 291, 0, 17)
NOSTRILS = (98, 327)
CHIN, NOSE_TIP, FOREHEAD = 152, 1, 10
SIDES = (172, 397)
ROLLS = (0, 20, -38)


@pytest.fixture(scope="module", params=ROLLS)
def portrait(request, poster):
    """The poster's face rolled by some degrees: its pixels in the lower half of the box, landmarks and box."""
    size = (poster.width, poster.height)
    turn = cv2.getRotationMatrix2D((poster.width / 2, poster.height / 2), request.param, 0.9)
    rgb = np.asarray(cv2.warpAffine(poster.rgb, turn, size, borderMode=cv2.BORDER_REFLECT), np.uint8)
    face = FaceSearch().large(Photo(rgb))[0]
    box = face.box.padded(0, 10, 0, 0).within(*size)
    return cv2.resize(box.cut(rgb), (96, 96))[None, 48:], face.landmarks, box


@pytest.fixture(scope="module")
def pixels(portrait):
    return portrait[0]


@pytest.fixture(scope="module")
def mask(portrait):
    return lower_face_masks(portrait[1][None], (portrait[2],))


def value(mask, portrait, point, below=0.0):
    """The mask at a point of the mesh, or so much of the chin's distance from the nose below it."""
    _, landmarks, box = portrait
    place = landmarks[point, :2] + below * (landmarks[CHIN, :2] - landmarks[2, :2])
    top = box.top + box.height // 2
    x = (place[0] - box.left) / box.width * 96
    y = (place[1] - top) / (box.bottom - top) * 48
    return int(mask[0, int(np.clip(y, 0, 47)), int(np.clip(x, 0, 95))])


def changed(pixels, **kinds):
    """A mouth in another light: the picture's own with a cast, a slope of brightness across it, and noise."""
    mouths = pixels.astype(np.float32) + np.float32(kinds.get("cast", 0))
    mouths = mouths + np.linspace(-1, 1, 96)[:, None] * kinds.get("slope", 0)
    mouths = mouths + np.random.default_rng(1).normal(0, kinds.get("noise", 0) + 1e-9, mouths.shape)
    return np.clip(np.rint(mouths), 0, 255).astype(np.uint8)


def step_at_seam(mouths, pixels, mask):
    """The difference where mouth and picture show alike, in levels, without the finest detail."""
    away = cv2.GaussianBlur(mouths[0].astype(np.float32) - pixels[0], (0, 0), 1.5)
    return np.abs(away[(mask[0] > 60) & (mask[0] < 195)])


def test_the_lips_and_a_dropped_chin_show_and_the_nose_does_not(portrait, mask):
    roll_is_small = abs(portrait[1][61, 1] - portrait[1][291, 1]) < 0.2 * portrait[2].height
    for point in LIPS if roll_is_small else LIPS[2:]:
        assert value(mask, portrait, point) > 160, point
    assert value(mask, portrait, CHIN) > 200
    assert value(mask, portrait, CHIN, below=0.12) > 100
    assert value(mask, portrait, NOSE_TIP) == 0
    assert max(value(mask, portrait, point) for point in NOSTRILS) < 40


def test_what_is_beside_the_jaw_stays_as_it_is(portrait, mask):
    """Points of the jaw moved away from the middle of the mouth by a fifth."""
    _, landmarks, box = portrait
    middle = landmarks[13, :2]
    for point in SIDES:
        place = middle + 1.2 * (landmarks[point, :2] - middle)
        x = int(np.clip((place[0] - box.left) / box.width * 96, 0, 95))
        y = int(np.clip((place[1] - box.top - box.height // 2) / (box.height - box.height // 2) * 48, 0, 47))
        assert mask[0, y, x] < 40


def test_no_edge_of_the_box_shows(mask):
    assert mask.max() == 255
    assert not mask[:, [0, -1]].any()
    assert not mask[:, :, [0, -1]].any()
    assert np.abs(np.diff(mask[0].astype(int), axis=0)).max() < 110
    assert np.abs(np.diff(mask[0].astype(int), axis=1)).max() < 110


def test_a_face_that_moves_by_a_part_of_a_pixel_moves_its_mask_smoothly(portrait):
    _, landmarks, box = portrait
    shifts = np.linspace(0, 1, 11, dtype=np.float32)
    moved = landmarks[None] + shifts[:, None, None] * np.array([0.7, 0.7, 0], np.float32)
    masks = lower_face_masks(moved, (box,) * 11).astype(int)
    steps = np.abs(np.diff(masks, axis=0)).max(axis=(1, 2))
    assert steps.min() > 0
    assert steps.max() < 18


def test_without_landmarks_the_soft_lower_half_shows():
    boxes = (FaceBox(0, 0, 3, 5), FaceBox(10, 10, 211, 320))
    masks = lower_face_masks(None, boxes)
    assert masks.shape == (2, 48, 96)
    assert (masks[:, 10:-10, 10:-10] == 255).all()
    assert not masks[:, [0, -1]].any()
    assert not masks[:, :, [0, -1]].any()
    assert masks[0, 4, 48] in range(60, 195)
    unknown = np.full((2, 468, 3), np.nan, np.float32)
    np.testing.assert_array_equal(lower_face_masks(unknown, boxes), masks)


def test_each_face_has_its_own_mask(portrait, mask):
    _, landmarks, box = portrait
    other = FaceBox(box.left - 9, box.top + 4, box.right + 3, box.bottom + 11)
    together = lower_face_masks(np.stack([landmarks, landmarks * np.nan, landmarks]), (box, box, other))
    np.testing.assert_array_equal(together[0], mask[0])
    np.testing.assert_array_equal(together[1], lower_face_masks(None, (box,))[0])
    np.testing.assert_array_equal(together[2], lower_face_masks(landmarks[None], (other,))[0])
    assert (together[2] != mask[0]).any()


@pytest.mark.parametrize("scale", [0.06, 3.7])
def test_a_mask_is_the_same_at_any_size_of_the_face(portrait, mask, scale):
    """Up to the whole pixels of the box, which are a large part of a tiny one."""
    _, landmarks, box = portrait
    edges = [round(scale * edge) for edge in (box.left, box.top, box.right, box.bottom)]
    resized = lower_face_masks(landmarks[None] * np.float32(scale), (FaceBox(*edges),))
    off = np.abs(resized.astype(int) - mask).mean()
    assert off < (45 if scale < 1 else 4)


def test_a_mouth_like_the_picture_stays_bit_by_bit(pixels, mask):
    inner = mask[0, :, :, None] == 255
    mouths = np.where(inner, 255 - pixels, pixels)
    np.testing.assert_array_equal(matched(mouths, pixels, mask), mouths)


@pytest.mark.parametrize(
    "kinds",
    [{"cast": 12}, {"cast": (14, -10, -12)}, {"cast": -9, "slope": 12}, {"cast": 12, "noise": 4}],
    ids=["brighter", "redder", "sloped", "noisy"],
)
def test_the_step_at_the_seam_goes(pixels, mask, kinds):
    mouths = changed(pixels, **kinds)
    before = step_at_seam(mouths, pixels, mask)
    after = step_at_seam(matched(mouths, pixels, mask), pixels, mask)
    assert before.mean() > 6
    assert after.mean() < 1
    assert np.percentile(after, 95) < 2


def test_a_mouth_keeps_its_contrast(pixels, mask):
    mouths = np.clip(pixels[:, ::-1].astype(int) // 2 + 60, 0, 255).astype(np.uint8)  # another one altogether
    inner = mask[0] > 240
    fine = [
        (mouth - cv2.GaussianBlur(mouth, (0, 0), 3))[inner].std()
        for mouth in (mouths[0].astype(np.float32), matched(mouths, pixels, mask)[0].astype(np.float32))
    ]
    assert fine[1] == pytest.approx(fine[0], rel=0.03)


def test_a_difference_that_is_not_of_light_is_not_followed(pixels, mask):
    dark = np.zeros_like(pixels)
    assert matched(dark, pixels, mask).max() <= 32
    bright = np.full_like(pixels, 255)
    assert matched(bright, pixels, mask).min() >= 255 - 32


def test_a_mouth_that_opens_does_not_change_the_light_around_it(portrait, pixels, mask):
    _, landmarks, box = portrait
    top = box.top + box.height // 2
    scale = (96 / box.width, 48 / (box.bottom - top))
    x, y = (landmarks[[13, 14], :2].mean(axis=0) - (box.left, top)) * scale
    mouths = np.repeat(changed(pixels, cast=12), 8, axis=0)
    for opening, mouth in enumerate(mouths):
        cv2.ellipse(mouth, (round(x), round(y + opening / 2)), (13, opening), 0, 0, 360, (35, 15, 15), -1)
    light = matched(mouths, pixels, mask).astype(int) - mouths
    still = (mouths == mouths[:1]).all(axis=(0, 3)) & (mask[0] > 0)
    cheeks = still & (np.abs(np.arange(96) - x) > 20)
    assert np.ptp(light, axis=0)[cheeks].max() <= 2
    assert light[:, cheeks].mean() == pytest.approx(-12, abs=0.5)


def test_a_frame_comes_out_the_same_alone_and_in_company(portrait, pixels):
    _, landmarks, box = portrait
    masks = lower_face_masks(np.stack([landmarks, landmarks + 1, landmarks * np.nan]), (box,) * 3)
    faces = np.concatenate([pixels, pixels // 2, 255 - pixels])
    mouths = np.concatenate([changed(pixels, cast=9), pixels, changed(pixels, noise=20)])
    together = matched(mouths, faces, masks)
    for i in range(3):
        np.testing.assert_array_equal(together[i], matched(mouths[i : i + 1], faces[i : i + 1], masks[i : i + 1])[0])
    shared = matched(mouths, faces[:1], masks[:1])
    np.testing.assert_array_equal(shared[1], matched(mouths[1:2], faces[:1], masks[:1])[0])


def test_a_mouth_that_is_not_seen_needs_no_light(pixels):
    hidden = np.zeros((1, 48, 96), np.uint8)
    mouths = changed(pixels, cast=20)
    np.testing.assert_array_equal(matched(mouths, pixels, hidden), mouths)
