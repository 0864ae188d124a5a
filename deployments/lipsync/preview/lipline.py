"""Where the lips part in the picture: the mesh's inner contour is some pixels off.

All coordinates are pixels of the working picture, in which the mouth lies level; `unit` is W in them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.lips import KNOTS, MIDDLE, Curve, Lips, Points, knots_between, lip_masks, mesh_lips
from deployments.lipsync.preview.pictures import blurred, looked_up, places
from deployments.media import Pixels

Image = NDArray[np.float32]

SEARCH = 0.07
"""How far from the mesh's line the lips are looked for, in W."""
DETAIL, SURROUNDINGS = 0.012, 0.06
"""What is smoothed away, and what a dark seam is compared with, in W."""
TOOTH_PALER, TOOTH_LIGHT, TOOTH_SHARE = 5.0, 0.85, 0.15
"""A tooth is less red than the lips (Lab a*) but not much darker; a mouth shows teeth with so large a share of them."""
DARK, THICK = 0.55, 0.055
"""The dark of a mouth is darker than the lips by this factor, and unlike a seam it is this thick, in W."""
SHADED = (0.75, 0.5)
"""Shares of the lips' lightness below which a pixel begins to be, and is, the dark of the mouth."""
RIM = 0.012
"""How much of a lip's edge is left to the teeth, in W: it is mixed with their light and would show on a shut mouth."""
STEP_COST, STRAY_COST = 0.05, 0.15
CORNER_REACH, STILL_DARK, LEAST_DEPTH = 0.11, 0.4, 2.0
"""How far corners are looked for in W, and how deep (of what it is inside, and in Lab L) the seam must stay."""


def find_lips(picture: Pixels, points: Points, unit: float, degree: int) -> Lips:
    """Return the lips as the picture (h, w, 3) shows them, near where the mesh has them, as polynomials."""
    lab = blurred(_lab(picture), DETAIL * unit)
    light = lab[..., 0]
    mesh = mesh_lips(points, unit)
    is_open = mesh.open and _shows_inside(lab, points, unit)
    if is_open:
        inwards: Image = np.gradient(_mouth_score(lab, points), axis=0)
        upper, lower = (_edge(edge, mesh.x, y, unit) for edge, y in ((inwards, mesh.upper), (-inwards, mesh.lower)))
    else:
        seam = blurred(light, SURROUNDINGS * unit) - light
        upper = lower = _edge(seam, mesh.x, (mesh.upper + mesh.lower) / 2, unit)
    meeting = (upper[[0, -1]] + lower[[0, -1]]) / 2
    upper, lower = (_polynomial(curve, meeting, degree) for curve in (upper, lower))
    if is_open:
        rim = RIM * unit * (1 - KNOTS**8)
        upper, lower = upper - rim, lower + rim
    return _with_corners(light, Lips(mesh.x, upper, np.maximum(upper, lower), is_open), points, unit)


def _lab(picture: Pixels) -> Image:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float32, copy=False)


def _shows_inside(lab: Image, points: Points, unit: float) -> bool:
    """Return whether the mesh's open mouth is one: it often reads a shut smile as open by a tenth of its width."""
    ring, inner = lip_masks(lab.shape, points)
    if not ring.any() or not inner.any():
        return False
    lip = np.median(lab[ring], axis=0)
    tooth = (lab[inner, 1] < lip[1] - TOOTH_PALER) & (lab[inner, 0] > TOOTH_LIGHT * lip[0])
    dark = inner & (lab[..., 0] < DARK * lip[0])
    thickness = np.median(dark.sum(axis=0)[inner.any(axis=0)])
    return bool(tooth.mean() > TOOTH_SHARE or thickness > THICK * unit)


def _mouth_score(lab: Image, points: Points) -> Image:
    """Return how much each pixel looks like tooth or dark mouth (1) rather than lip (0), (h, w)."""
    ring, inner = lip_masks(lab.shape, points)
    lip, tooth = np.median(lab[ring], axis=0), np.median(lab[inner], axis=0)
    towards = (tooth - lip)[:2]
    toothlike = (lab[..., :2] - lip[:2]) @ (towards / max(float(towards @ towards), 25.0))
    dark = (SHADED[0] * lip[0] - lab[..., 0]) / ((SHADED[0] - SHADED[1]) * lip[0])
    score: Image = np.clip(np.maximum(toothlike, dark), 0.0, 1.0).astype(np.float32)
    return score


def _edge(strength: Image, x: Curve, y: Curve, unit: float) -> Curve:
    """Return the line along the strongest edge near (x, y), by dynamic programming over the columns between."""
    columns = np.arange(x[0], x[-1], 1.0)
    centre = np.interp(columns, x, y)
    offsets = np.arange(-SEARCH * unit, SEARCH * unit + 0.5)
    strip = looked_up(strength, places(columns, centre + offsets[:, None]))
    gain = strip / (np.abs(strip).max() + 1e-6) - STRAY_COST * (offsets[:, None] / (SEARCH * unit)) ** 2
    found = centre + offsets[best_path(gain)]
    line: Curve = np.interp(x, columns, found)
    return line


def best_path(gain: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the row in each column of (rows, columns) on the path of most gain that moves a row a column at most."""
    rows, columns = gain.shape
    steps = np.empty((columns, rows), np.intp)
    total = np.full(rows + 2, -np.inf)  # with a row above and below that no path may enter
    total[1:-1] = gain[:, 0]
    for column in range(1, columns):
        choices = np.stack([total[:-2] - STEP_COST, total[1:-1], total[2:] - STEP_COST])
        steps[column] = choices.argmax(axis=0) - 1
        total[1:-1] = choices.max(axis=0) + gain[:, column]
    path = np.empty(columns, np.intp)
    path[-1] = total[1:-1].argmax()
    for column in range(columns - 1, 0, -1):
        path[column - 1] = path[column] + steps[column][path[column]]
    return path


def _polynomial(curve: Curve, ends: Curve, degree: int) -> Curve:
    """Return the polynomial through both ends that is nearest to a curve over KNOTS."""
    weights = np.ones(len(KNOTS))
    weights[[0, -1]] = 100.0
    wanted = np.concatenate([ends[:1], curve[1:-1], ends[1:]])
    return np.polyval(np.polyfit(KNOTS, wanted, degree, w=weights), KNOTS).astype(np.float64)


def _with_corners(light: Image, lips: Lips, points: Points, unit: float) -> Lips:
    """Return the lips drawn out to where the dark line beyond the mesh's corners ends."""
    (x0, y0), (x1, y1) = (
        _corner(light, lips, end, inside, points[rim] - points[corner], unit)
        for end, inside, rim, corner in ((0, 2, 61, 78), (-1, -3, 291, 308))
    )
    x = knots_between(min(x0, lips.x[0]), lips.x[MIDDLE], max(x1, lips.x[-1]))
    known = np.concatenate([[x[0] - 1e-3], lips.x, [x[-1] + 1e-3]])
    upper, lower = (np.interp(x, known, np.concatenate([[y0], y, [y1]])) for y in (lips.upper, lips.lower))
    return Lips(x, upper, lower, lips.open)


def _corner(light: Image, lips: Lips, end: int, inside: int, outwards: Points, unit: float) -> Points:
    """Return where the seam ends beyond a corner, (2,)."""
    start = np.array([lips.x[end], lips.upper[end]])
    inner = np.array([lips.x[inside], (lips.upper[inside] + lips.lower[inside]) / 2])
    direction = _direction(_direction(outwards) + _direction(start - inner))
    line = start + np.arange(0.0, CORNER_REACH * unit, 1.0)[:, None] * direction
    needed = max(STILL_DARK * _depths(light, np.linspace(inner, start, 4), unit).mean(), LEAST_DEPTH)
    shallow = np.flatnonzero(_depths(light, line, unit) < needed)
    found: Points = line[shallow[0] if len(shallow) else -1]
    return found


def _direction(vector: Points) -> Points:
    direction: Points = vector / max(float(np.hypot(*vector)), 1e-6)
    return direction


def _depths(light: Image, line: Points, unit: float) -> Curve:
    """Return how much darker the line is than the skin above and below it, at each of its (n, 2) points."""
    across = np.arange(-SURROUNDINGS * unit, SURROUNDINGS * unit + 0.5)
    profile = looked_up(light, places(line[:, :1], line[:, 1:] + across))
    sides = np.minimum(profile[:, :2].mean(axis=1), profile[:, -2:].mean(axis=1))
    depths: Curve = (sides - profile.min(axis=1)).astype(np.float64)
    return depths
