"""A generated mouth into its picture: where it shows, and in which light.

Everything is on the grid of the network's lower half, 48 rows of 96 columns over the lower half of a face's box.
"""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.media import FaceBox, Pixels

Floats = NDArray[np.float32]
Real = TypeVar("Real", np.float32, np.float64)

ROWS, COLUMNS = 48, 96
GRID = (COLUMNS, ROWS)

NOSE_BASE, CHIN = 2, 152
HALVES = (
    (*(132, 58, 172, 136, 150, 149, 176, 148), CHIN, *(205, NOSE_BASE)),
    (*(361, 288, 397, 365, 379, 378, 400, 377), CHIN, *(425, NOSE_BASE)),
)
"""Points of the face mesh around either half of the lower face: down the jaw to the chin, up to the nose's base, out
to the cheek. The hull of a half has no holes however far the head is turned."""

JAW_DROP = 0.25
"""How much further down than the picture's the chin may come, as a part of its distance from the nose's base."""

EDGE_SIGMA = 2.5
"""The outline is blurred this much, in pixels; what is then left of it inside the outline is the mask's soft edge."""

RIM = 5
"""Pixels from the edge of the grid, where the mask is 0, to where the outline alone decides."""

UNKNOWN_RIM = 8
"""The same where no outline is known."""

FINER, SUBPIXEL_BITS = 2, 4
"""The outline is drawn on a grid twice as fine, in 1/16 of its pixels: its edge moves as smoothly as the face."""

FIELD_SIGMA = 7.0
"""How far, in pixels, the difference along a seam is spread."""

MOST_LEVELS = 32
"""The largest correction: a greater difference is not one of light."""

NEXT_TO_NOTHING = 1e-9
"""Where a Gaussian ends: products of smaller numbers become subnormal, and those are slow."""

STILL = (10 ** np.interp(np.arange(ROWS), (16, 40), (0, -2.5))).astype(np.float32)[:, None]
"""How far a row's difference is trusted: lower down, the chin and its shadow move with the mouth."""

LIGHT_LEVELS = 24
"""A difference of so many levels counts half: that may be an edge that has moved."""


def lower_face_masks(landmarks: Floats | None, boxes: tuple[FaceBox, ...]) -> NDArray[np.uint8]:
    """Return where a mouth replaces the picture: (n, 48, 96), from 255 within the lower face to 0 around it.

    `landmarks` is (n, 468, 3) in the pixels of the `boxes`; where it is None or NaN, the mask is the lower half of
    the box with a soft rim. Rim pixels are always 0.
    """
    masks = np.repeat(_rim(UNKNOWN_RIM)[None], len(boxes), axis=0)
    if landmarks is not None:
        which = np.flatnonzero(~np.isnan(landmarks).any(axis=(1, 2)))
        masks[which] = _inside(_outlines(landmarks[which], tuple(boxes[i] for i in which))) * _rim(RIM)
    return np.rint(255 * masks).astype(np.uint8)


def matched(mouths: Pixels, faces: Pixels, masks: NDArray[np.uint8]) -> Pixels:
    """Return the mouths (n, 48, 96, 3) in the light of the faces, as far as it differs along the seam.

    `faces`, (n or 1, 48, 96, 3), are the picture's own pixels there; `masks`, (n or 1, 48, 96), say what will be
    seen of a mouth. The difference along the mask's soft edge is spread by a normalised convolution (H. Knutsson
    and C.-F. Westin, 1993) and added, so a mouth keeps its contrast, and its every bit where there is no difference.
    """
    face, mouth = (np.moveaxis(pixels, 3, 1) for pixels in (faces, mouths))
    away = np.subtract(face, mouth, dtype=np.float32, order="C")
    ring = _seam(masks) / (1 + (np.abs(away).max(axis=1, keepdims=True) / LIGHT_LEVELS) ** 2)
    light = _spread(np.clip(away, -MOST_LEVELS, MOST_LEVELS) * ring) / (_spread(ring) + np.finfo(np.float32).tiny)
    return np.ascontiguousarray(np.moveaxis(np.clip(np.rint(mouth + light), 0, 255).astype(np.uint8), 1, 3))


def _outlines(landmarks: Floats, boxes: tuple[FaceBox, ...]) -> Floats:
    """Return the points around either half of the lower faces, on the grid: (n, 2, 11, 2).

    There is room for a jaw that opens: the chin is further down, the cheeks are where they are.
    """
    origins = np.array([(box.left, box.top + box.height // 2) for box in boxes], np.float32).reshape(-1, 2)
    sizes = np.array([(box.width, box.height - box.height // 2) for box in boxes], np.float32).reshape(-1, 2)
    points = (landmarks[:, :, :2] - origins[:, None]) * (np.array(GRID, np.float32) / sizes)[:, None]
    nose, chin = points[:, None, None, NOSE_BASE], points[:, None, None, CHIN]
    outlines, down = points[:, HALVES], chin - nose
    lowness = ((outlines - nose) * down).sum(axis=-1, keepdims=True) / (down * down).sum(axis=-1, keepdims=True)
    dropped: Floats = outlines + JAW_DROP * np.clip(lowness, 0, 1) ** 3 * down
    return dropped


def _inside(outlines: Floats) -> Floats:
    """Return (n, 48, 96): 1 in the lower face, falling to 0 at its outline."""
    corners = np.rint((outlines * FINER - 0.5) * 2**SUBPIXEL_BITS).astype(np.int32, order="C")  # centres are whole
    covered = np.empty((len(outlines), ROWS, COLUMNS), np.float32)
    for i, halves in enumerate(corners):
        drawn = np.zeros((ROWS * FINER, COLUMNS * FINER), np.uint8)
        for half in halves:
            cv2.fillConvexPoly(drawn, cv2.convexHull(half), 255, cv2.LINE_AA, SUBPIXEL_BITS)
        covered[i] = cv2.resize(drawn, GRID, interpolation=cv2.INTER_AREA)
    full = np.float32(255 * 2 * np.pi * EDGE_SIGMA**2)
    return _step(2 * _blurred(covered, EDGE_SIGMA) / full - 1)


def _rim(width: int) -> Floats:
    """Return (48, 96): 0 on the outermost pixels, rising to 1 within so many pixels."""
    rows, columns = (_step(np.minimum(np.arange(size), np.arange(size)[::-1]) / width) for size in (ROWS, COLUMNS))
    rim: Floats = np.outer(rows, columns).astype(np.float32)
    return rim


def _step(share: NDArray[Real]) -> NDArray[Real]:
    """Return 0 up to 0, 1 from 1 on, and a rise without kinks between them."""
    inside = np.clip(share, 0, 1)
    step: NDArray[Real] = inside * inside * (3 - 2 * inside)
    return step


def _seam(masks: NDArray[np.uint8]) -> Floats:
    """Return how much each pixel says about the seam, (n, 1, 48, 96): most where mouth and picture show alike."""
    share = masks.astype(np.float32)[:, None] / 255
    return np.asarray(share * (1 - share) * STILL, np.float32)


def _spread(planes: Floats) -> Floats:
    return _blurred(planes, FIELD_SIGMA)


def _blurred(planes: Floats, sigma: float) -> Floats:
    """Return (..., 48, 96) under a Gaussian of height 1; each plane by itself, so that its company changes nothing."""
    down, across = (_gaussian(size, sigma) for size in (ROWS, COLUMNS))
    return np.asarray(down @ planes @ across, np.float32)


def _gaussian(size: int, sigma: float) -> Floats:
    """Return the matrix (size, size) that blurs `size` places."""
    place = np.arange(size) / sigma
    matrix = np.exp(-0.5 * np.subtract.outer(place, place) ** 2)
    shaped: Floats = np.where(matrix > NEXT_TO_NOTHING, matrix, 0).astype(np.float32)
    return shaped
