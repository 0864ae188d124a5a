"""Rows of teeth: the photo's own where it shows them, drawn ones otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.lips import MIDDLE, Lips
from deployments.lipsync.preview.pictures import looked_up, moved, places
from deployments.lipsync.preview.warp import smoothstep
from deployments.media import Pixels

Image = NDArray[np.float32]

WIDTHS = np.array([0.095, 0.075, 0.08, 0.07, 0.06])
"""Widths of the upper teeth from the middle outwards, in W; the lower ones are narrower."""
LENGTHS = np.array([1.0, 0.86, 0.95, 0.8, 0.7])
LOWER_NARROWER = 0.72
BELOW_LINE = 0.055
"""Where the upper teeth end below the line of the closed lips, in W."""
BEHIND, LOWER_HEIGHT = 0.02, 0.09
"""How far below that the lower teeth begin with the jaw shut, and how far they reach down, in W."""
LIP_SHADOW, LIP_LIGHT = 0.04, 0.02
"""What the lips' edges take from the photo's own teeth, above and below, in W."""
SOFT = 0.012


@dataclass(frozen=True, eq=False)
class Teeth:
    """A row of teeth, fixed to the head or to the jaw: `colour` (h, w, 3) in 0..255 and `alpha` (h, w) in 0..1."""

    colour: Image
    alpha: Image

    def over(self, below: Image, strength: float, down: float, rows: slice) -> Image:
        """Return rows of a picture with these teeth, moved down by some pixels, laid over them."""
        size = (self.alpha.shape[1], rows.stop - rows.start)
        move = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, down - rows.start]])
        colour, alpha = moved(self.colour, move, size), moved(self.alpha, move, size)
        return below + (colour - below) * (np.float32(strength) * alpha)[..., None]


def own_teeth(picture: Pixels, lips: Lips, x: Image, y: Image, unit: float) -> Teeth:
    """Return the photo's teeth where they are, repeated upward from their top, with nothing below them.

    `x` is (w,) and `y` (h, 1), in pixels of `picture`.
    """
    upper = np.interp(x, lips.x, lips.upper) + LIP_SHADOW * unit
    lower = np.interp(x, lips.x, lips.lower) - LIP_LIGHT * unit
    rows = np.minimum(np.maximum(y, upper), np.maximum(upper, lower))
    colour = looked_up(picture, places(np.clip(x, lips.x[0], lips.x[-1]), rows)).astype(np.float32)
    ends = smoothstep((1 - np.abs(lips.t_of(x))) / 0.08)
    return Teeth(colour, smoothstep((lower - y) / (2 * SOFT * unit) + 0.5) * ends)


def drawn_upper(rest: Lips, x: Image, y: Image, unit: float, ivory: Image) -> Teeth:
    """Return upper teeth that hang to a little below the closed lips' line."""
    colour, lengths, ends = _row(rest, x, WIDTHS * unit, ivory, 0.03 * unit)
    bottom = _line(rest, x) + lengths * BELOW_LINE * unit
    return Teeth(colour * np.ones_like(y)[..., None], smoothstep((bottom - y) / (SOFT * unit) + 0.5) * ends)


def drawn_lower(rest: Lips, x: Image, y: Image, unit: float, ivory: Image) -> Teeth:
    """Return lower teeth as they stand with the jaw shut, just below the upper ones."""
    colour, lengths, ends = _row(rest, x, LOWER_NARROWER * WIDTHS * unit, ivory, 0.03 * unit)
    top = _line(rest, x) + (BELOW_LINE + BEHIND - 0.03 * (lengths - 1)) * unit
    bottom = smoothstep((top + LOWER_HEIGHT * unit - y) / (0.03 * unit))
    return Teeth(colour * np.ones_like(y)[..., None], smoothstep((y - top) / (SOFT * unit) + 0.5) * bottom * ends)


def _line(rest: Lips, x: Image) -> NDArray[np.float64]:
    return np.interp(x, rest.x, (rest.upper + rest.lower) / 2)


def _row(rest: Lips, x: Image, widths: NDArray[np.float64], ivory: Image, soft: float) -> tuple[Image, Image, Image]:
    """Return a row's colour (1, w, 3), darkened along the arch and between teeth, its lengths and alpha (w,) each."""
    edges = np.cumsum([0.0, *widths])
    away = np.abs(x - rest.x[MIDDLE])
    tooth = np.clip(np.searchsorted(edges, away, side="right") - 1, 0, len(widths) - 1)
    across = np.clip(np.abs(away - edges[tooth] - widths[tooth] / 2) / (widths[tooth] / 2), 0.0, 1.0)
    arch = 1 - 0.5 * np.clip(away / edges[-1], 0.0, 1.0) ** 2
    between = 1 - 0.28 * smoothstep((across - 0.86) / 0.14)
    colour = (arch * between)[None, :, None].astype(np.float32) * ivory
    lengths = (LENGTHS[tooth] - 0.14 * across**4).astype(np.float32)
    return colour, lengths, smoothstep((edges[-1] - away) / soft)
