"""Where the lips part: the mesh's inner contour is some pixels off, so the picture is asked.

All coordinates here are pixels of the working picture, in which the mouth lies level; `unit` is W in its pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.media import Pixels

Points = NDArray[np.float64]
Curve = NDArray[np.float64]

INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OUTER_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
OUTER_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)

KNOTS = np.linspace(-1.0, 1.0, 33)
CLOSED_BELOW = 0.06
"""Gap (landmarks 13, 14) over width (78, 308) up to which a mouth counts as closed."""
TOOTH_PALER, DARK, INSIDE_SHARE = 5.0, 0.55, 0.2
"""A mouth is open where at least this share of it is less red than the lips (Lab a*), or darker by this factor."""
SEARCH = 0.07
"""How far from the mesh's line the lips are looked for, in W."""
CORNER_REACH = 0.11
RIM = 0.012
"""How much of a lip's edge is left to the teeth, in W: it is mixed with their light and would show on a shut mouth."""


@dataclass(frozen=True, eq=False)
class Lips:
    """The inner edges of both lips at KNOTS (from corner to corner, 0 the middle); equal where the mouth is shut."""

    x: Curve
    upper: Curve
    lower: Curve
    open: bool

    @property
    def width(self) -> float:
        """Distance between the corners in pixels."""
        return float(self.x[-1] - self.x[0])

    def t_of(self, x: NDArray[np.floating]) -> Curve:
        """Return the place between the corners of each x: -1 and 1 there, beyond them outside."""
        middle = self.x[len(KNOTS) // 2]
        half = np.where(x < middle, middle - self.x[0], self.x[-1] - middle)
        t: Curve = (x - middle) / half
        return t


def mesh_lips(points: Points) -> Lips:
    """Return the lips as the mesh's (468, 2) points have them."""
    left, right = points[78], points[308]
    middle = float(np.clip((points[13, 0] + points[14, 0]) / 2, *np.interp((0.25, 0.75), (0, 1), (left[0], right[0]))))
    x = np.where(KNOTS < 0, middle + KNOTS * (middle - left[0]), middle + KNOTS * (right[0] - middle))
    upper, lower = (_curve(points[list(ids)], x) for ids in (INNER_UPPER, INNER_LOWER))
    is_open = bool(np.hypot(*(points[13] - points[14])) > CLOSED_BELOW * np.hypot(*(right - left)))
    if not is_open:
        upper = lower = (upper + lower) / 2
    return Lips(x, upper, np.maximum(upper, lower), is_open)


def _curve(points: Points, x: Curve) -> Curve:
    order = np.argsort(points[:, 0])
    curve: Curve = np.interp(x, points[order, 0], points[order, 1])
    return curve


def find_lips(picture: Pixels, points: Points, unit: float, degree: int) -> Lips:
    """Return the lips as the picture (h, w, 3) shows them, near where the mesh has them, as smooth polynomials."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.012 * unit)
    mesh = mesh_lips(points)
    if mesh.open and not _shows_inside(lab, points):
        line = (mesh.upper + mesh.lower) / 2
        mesh = Lips(mesh.x, line, line, open=False)
    if mesh.open:
        downwards = cv2.Sobel(_mouth_score(lab, points), cv2.CV_32F, 0, 1, ksize=3)
        upper, lower = (_edge(edge, mesh.x, y, unit) for edge, y in ((downwards, mesh.upper), (-downwards, mesh.lower)))
    else:
        light = lab[..., 0]
        upper = lower = _edge(cv2.GaussianBlur(light, (0, 0), 0.06 * unit) - light, mesh.x, mesh.upper, unit)
    meeting = (upper[[0, -1]] + lower[[0, -1]]) / 2
    upper, lower = (_smooth(curve, meeting, degree) for curve in (upper, lower))
    if mesh.open:
        rim = RIM * unit * (1 - KNOTS**8)
        upper, lower = upper - rim, lower + rim
    return _with_corners(lab[..., 0], Lips(mesh.x, upper, np.maximum(upper, lower), mesh.open), points, unit)


def lip_masks(shape: tuple[int, ...], points: Points) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what the mesh takes for the lips, and for what is between them, (h, w) each."""
    inner, outer = (
        cv2.fillPoly(np.zeros(shape[:2], np.uint8), [_outline(points, *edges)], 1) > 0
        for edges in ((INNER_UPPER, INNER_LOWER), (OUTER_UPPER, OUTER_LOWER))
    )
    return outer & ~inner, inner


def _outline(points: Points, upper: tuple[int, ...], lower: tuple[int, ...]) -> NDArray[np.int32]:
    return points[[*upper, *lower[-2:0:-1]]].round().astype(np.int32)


def _shows_inside(lab: NDArray[np.float32], points: Points) -> bool:
    """Return whether the mesh's open mouth is one: it often reads a shut smile as open by a tenth of its width."""
    ring, inner = lip_masks(lab.shape, points)
    if not ring.any() or not inner.any():
        return False
    lip = np.median(lab[ring], axis=0)
    tooth_or_dark = (lab[inner, 1] < lip[1] - TOOTH_PALER) | (lab[inner, 0] < DARK * lip[0])
    return bool(tooth_or_dark.mean() > INSIDE_SHARE)


def _mouth_score(lab: NDArray[np.float32], points: Points) -> NDArray[np.float32]:
    """Return how much each pixel looks like tooth or dark mouth (1) rather than lip (0), (h, w)."""
    ring, inner = lip_masks(lab.shape, points)
    lip, tooth = np.median(lab[ring], axis=0), np.median(lab[inner], axis=0)
    towards = (tooth - lip)[:2]
    toothlike = (lab[..., :2] - lip[:2]) @ (towards / max(float(towards @ towards), 25.0)).astype(np.float32)
    dark = (0.75 * lip[0] - lab[..., 0]) / (0.25 * lip[0])
    score: NDArray[np.float32] = np.clip(np.maximum(toothlike, dark), 0.0, 1.0).astype(np.float32)
    return score


def _edge(strength: NDArray[np.float32], x: Curve, y: Curve, unit: float) -> Curve:
    """Return the line along the strongest edge near (x, y), by dynamic programming over the columns between."""
    columns = np.arange(x[0], x[-1], 1.0)
    centre = np.interp(columns, x, y)
    offsets = np.arange(-SEARCH * unit, SEARCH * unit + 0.5)
    rows = centre[None, :] + offsets[:, None]
    strip = cv2.remap(strength, *_map(np.broadcast_to(columns, rows.shape), rows), cv2.INTER_LINEAR)
    strip = strip / (np.abs(strip).max() + 1e-6) - 0.15 * (offsets[:, None] / (SEARCH * unit)) ** 2
    path = _best_path(strip)
    line: Curve = np.interp(x, columns, centre + offsets[path])
    return line


def _map(x: NDArray[np.floating], y: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)


def _best_path(gain: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the row in each column of (rows, columns) on the path of most gain that moves a row a column at most."""
    rows, columns = gain.shape
    steps = np.empty((columns, rows), np.intp)
    total = gain[:, 0]
    for column in range(1, columns):
        padded = np.pad(total, 1, constant_values=-np.inf)
        choices = np.stack([padded[:-2] - 0.05, padded[1:-1], padded[2:] - 0.05])
        steps[column] = choices.argmax(axis=0) - 1
        total = choices.max(axis=0) + gain[:, column]
    path = np.empty(columns, np.intp)
    path[-1] = total.argmax()
    for column in range(columns - 1, 0, -1):
        path[column - 1] = path[column] + steps[column][path[column]]
    return path


def _smooth(curve: Curve, ends: Curve, degree: int) -> Curve:
    """Return the polynomial through both ends that is nearest to a curve over KNOTS."""
    weights = np.ones(len(KNOTS))
    weights[[0, -1]] = 100.0
    wanted = np.concatenate([ends[:1], curve[1:-1], ends[1:]])
    smooth: Curve = np.polyval(np.polyfit(KNOTS, wanted, degree, w=weights), KNOTS)
    return smooth


def _with_corners(light: NDArray[np.float32], lips: Lips, points: Points, unit: float) -> Lips:
    """Return the lips drawn out to where the dark line beyond the mesh's corners ends."""
    ends = []
    for corner, rim, inside in ((0, 61, 2), (-1, 291, -3)):
        start = np.array([lips.x[corner], lips.upper[corner]])
        inner = np.array([lips.x[inside], (lips.upper[inside] + lips.lower[inside]) / 2])
        direction = _unit(_unit(points[rim] - points[78 if rim == 61 else 308]) + _unit(start - inner))
        line = start + np.arange(0.0, CORNER_REACH * unit, 1.0)[:, None] * direction
        depth = _depths(light, line, unit)
        needed = 0.4 * _depths(light, np.linspace(inner, start, 4), unit).mean()
        shallow = np.flatnonzero(depth < max(needed, 2.0))
        ends.append(line[shallow[0] if len(shallow) else -1])
    (x0, y0), (x1, y1) = ends
    middle = lips.x[len(KNOTS) // 2]
    x = np.where(KNOTS < 0, middle + KNOTS * (middle - x0), middle + KNOTS * (x1 - middle))
    known = np.concatenate([[min(x0, lips.x[0] - 0.01)], lips.x, [max(x1, lips.x[-1] + 0.01)]])
    upper, lower = (np.interp(x, known, np.concatenate([[y0], y, [y1]])) for y in (lips.upper, lips.lower))
    return Lips(x, upper, lower, lips.open)


def _unit(vector: Points) -> Points:
    return vector / max(float(np.hypot(*vector)), 1e-6)


def _depths(light: NDArray[np.float32], line: Points, unit: float) -> Curve:
    """Return how much darker the line is than the skin above and below it, at each of its (n, 2) points."""
    across = np.arange(-0.06 * unit, 0.06 * unit + 0.5)
    rows = line[:, 1:] + across
    profile = cv2.remap(light, *_map(np.broadcast_to(line[:, :1], rows.shape), rows), cv2.INTER_LINEAR)
    sides = np.minimum(profile[:, :2].mean(axis=1), profile[:, -2:].mean(axis=1))
    depth: Curve = sides - profile.min(axis=1)
    return depth
