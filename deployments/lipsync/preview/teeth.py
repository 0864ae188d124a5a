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

WIDTHS = np.array([0.055, 0.062, 0.072, 0.068, 0.088, 0.091, 0.070, 0.070, 0.064, 0.052])
"""Widths of the upper teeth from left to right, in W; the lower ones are narrower. No two are alike."""
LENGTHS = np.array([0.62, 0.74, 0.93, 0.84, 1.0, 0.97, 0.87, 0.90, 0.72, 0.64])
SHADES = np.array([0.90, 0.97, 0.94, 1.0, 0.99, 1.01, 0.97, 0.93, 0.98, 0.89])
"""How long each is and how bright."""
LOWER_NARROWER = 0.72
BELOW_LINE = 0.055
"""Where the upper teeth end below the line of the closed lips, in W."""
BEHIND, LOWER_HEIGHT = 0.02, 0.09
"""How far below that the lower teeth begin with the jaw shut, and how far they reach down, in W."""
ARCH, BETWEEN, GUMWARD = 0.62, 0.16, 0.30
"""How much darker teeth are at the ends of the row, between each other, and towards the gums."""
CROWN = 0.13
"""How long a crown is, in W: over that length teeth fall into the gums' shade."""
ROUNDED_CORNERS = 0.18
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


def drawn_upper(rest: Lips, x: Image, y: Image, unit: float, tooth: Image) -> Teeth:
    """Return upper teeth that hang to a little below the closed lips' line; `tooth` (w, 3) is their colour."""
    shade, lengths, ends = _row(rest, x, WIDTHS * unit)
    bottom = _line(rest, x) + lengths * BELOW_LINE * unit
    gums = GUMWARD * smoothstep((bottom - y) / (CROWN * unit) - 0.15)
    colour = (shade * (1 - gums))[..., None].astype(np.float32) * tooth
    return Teeth(colour, smoothstep((bottom - y) / (SOFT * unit) + 0.5) * ends)


def drawn_lower(rest: Lips, x: Image, y: Image, unit: float, tooth: Image) -> Teeth:
    """Return lower teeth as they stand with the jaw shut, just below the upper ones."""
    shade, lengths, ends = _row(rest, x, LOWER_NARROWER * WIDTHS * unit)
    top = _line(rest, x) + (BELOW_LINE + BEHIND - 0.03 * (lengths - 1)) * unit
    bottom = smoothstep((top + LOWER_HEIGHT * unit - y) / (0.03 * unit))
    colour = (shade * np.ones_like(y))[..., None].astype(np.float32) * tooth
    return Teeth(colour, smoothstep((y - top) / (SOFT * unit) + 0.5) * bottom * ends)


def _line(rest: Lips, x: Image) -> NDArray[np.float64]:
    return np.interp(x, rest.x, (rest.upper + rest.lower) / 2)


def _row(rest: Lips, x: Image, widths: NDArray[np.float64]) -> tuple[Image, Image, Image]:
    """Return a row's shade, darkened along the arch and between teeth, its lengths and its alpha, (w,) each.

    Each half is as wide as its half of the mouth, as far as a mouth turned away is seen narrower.
    """
    middle, half = rest.x[MIDDLE], rest.half_at(x)
    away = (x - middle) * rest.width / (2 * half)
    edges = np.cumsum([0.0, *widths]) - widths.sum() / 2
    tooth = np.clip(np.searchsorted(edges, away, side="right") - 1, 0, len(widths) - 1)
    across = np.clip(np.abs(2 * (away - edges[tooth]) / widths[tooth] - 1), 0.0, 1.0)
    ends = np.abs(away) / edges[-1]
    arch = 1 - ARCH * np.clip(ends, 0.0, 1.0) ** 2
    between = 1 - BETWEEN * smoothstep((across - 0.8) / 0.2)
    lengths = LENGTHS[tooth] - ROUNDED_CORNERS * across**4
    return arch * between * SHADES[tooth], lengths, smoothstep((1 - ends) / 0.1)
