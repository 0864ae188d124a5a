"""The lips' inner edges as curves, and where the face mesh has them.

All coordinates are pixels of the working picture, in which the mouth lies level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.pictures import filled

Points = NDArray[np.float64]
Curve = NDArray[np.float64]

INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OUTER_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
OUTER_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)

KNOTS = np.linspace(-1.0, 1.0, 33)
MIDDLE = len(KNOTS) // 2
CLOSED_BELOW = 0.06
"""Gap (landmarks 13, 14) over width (78, 308) up to which a mouth counts as closed."""
LEAST_WIDTH = 0.25
"""Of a mouth, in W: one seen from the side is taken to be that wide."""


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

    def half_at(self, x: NDArray[np.floating]) -> Curve:
        """Return the width in pixels of the half of the mouth in which each x is: in a 3/4 view they differ."""
        middle = self.x[MIDDLE]
        half: Curve = np.where(x < middle, middle - self.x[0], self.x[-1] - middle)
        return half

    def t_of(self, x: NDArray[np.floating]) -> Curve:
        """Return the place between the corners of each x: -1 and 1 there, beyond them outside."""
        t: Curve = (x - self.x[MIDDLE]) / self.half_at(x)
        return t


def knots_between(left: float, middle: float, right: float) -> Curve:
    """Return the x of KNOTS, each half of the mouth having its own scale."""
    return np.where(KNOTS < 0, middle + KNOTS * (middle - left), middle + KNOTS * (right - middle))


def mesh_lips(points: Points, unit: float) -> Lips:
    """Return the lips as the mesh's (468, 2) points have them; `unit` is W."""
    left, right = points[78, 0], points[308, 0]
    widen = max(LEAST_WIDTH * unit - (right - left), 0.0) / 2
    left, right = left - widen, right + widen
    middle = np.clip(points[[13, 14], 0].mean(), 0.75 * left + 0.25 * right, 0.25 * left + 0.75 * right)
    x = knots_between(left, float(middle), right)
    upper, lower = (_curve(points[list(ids)], x) for ids in (INNER_UPPER, INNER_LOWER))
    if np.hypot(*(points[13] - points[14])) > CLOSED_BELOW * (right - left):
        return Lips(x, upper, np.maximum(upper, lower), open=True)
    line = (upper + lower) / 2
    return Lips(x, line, line, open=False)


def _curve(points: Points, x: Curve) -> Curve:
    order = np.argsort(points[:, 0])
    curve: Curve = np.interp(x, points[order, 0], points[order, 1])
    return curve


def lip_masks(shape: tuple[int, ...], points: Points) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what the mesh takes for the lips, and for what is between them, (h, w) each."""
    inner, outer = (
        filled(shape, points[[*upper, *lower[-2:0:-1]]]) > 0
        for upper, lower in ((INNER_UPPER, INNER_LOWER), (OUTER_UPPER, OUTER_LOWER))
    )
    return outer & ~inner, inner
