"""What is behind the lips: teeth, tongue and the dark of the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.lips import KNOTS, Lips, Points, lip_masks
from deployments.lipsync.preview.motion import Pose
from deployments.lipsync.preview.warp import smoothstep
from deployments.media import Pixels

Image = NDArray[np.float32]

TOOTH_WIDTHS = (0.095, 0.075, 0.08, 0.07, 0.06)
"""Widths of the teeth from the middle outwards, in W."""
UPPER_TEETH_BELOW = 0.055
"""Where the upper teeth end below the line of the closed lips, in W."""
LOWER_TEETH_HEIGHT = 0.09
LOWER_TEETH_FAINT = 0.25
CAVITY = np.array([0.20, 0.12, 0.11], np.float32)
TONGUE = np.array([0.68, 0.48, 0.48], np.float32)
"""Colours of the dark of the mouth and of the tongue, in shares of the lips' colour."""
SHADOW_REACH, SIDE_REACH = 0.07, 0.13
EDGE_MARGIN = 0.08
ROUNDED_COVERS, ROUNDED_DIMS = 0.06, 0.25
"""How much of the upper teeth rounded lips cover, in W, and how much they take of the light on them."""


@dataclass(frozen=True)
class Window:
    """The rectangle of working pixels in which the lips can part."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index a picture with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def around(self, lips: Lips, unit: float) -> Window:
        """Return the rows of this window that the gap between these lips, and their edges, take."""
        margin = EDGE_MARGIN * unit
        wanted = Window(self.left, int(lips.upper.min() - margin), self.right, int(lips.lower.max() + margin) + 1)
        return wanted.within(self)

    def within(self, bounds: Window) -> Window:
        """Return this window cut to another, a pixel of which is left even where they are apart."""
        left = min(max(self.left, bounds.left), bounds.right - 1)
        top = min(max(self.top, bounds.top), bounds.bottom - 1)
        right, bottom = min(self.right, bounds.right), min(self.bottom, bounds.bottom)
        return Window(left, top, max(right, left + 1), max(bottom, top + 1))


class Interior:
    """Draws the inside of one mouth. Teeth are the photo's own where it shows them, drawn otherwise."""

    def __init__(self, picture: Pixels, points: Points, source: Lips, rest: Lips, unit: float, window: Window) -> None:
        self._unit, self._top = unit, window.top
        self._x = np.arange(window.left, window.right, dtype=np.float32)
        self._y = np.arange(window.top, window.bottom, dtype=np.float32)[:, None]
        self._line = np.interp(self._x, rest.x, (rest.upper + rest.lower) / 2).astype(np.float32)
        self._lip = _median(picture, lip_masks(picture.shape, points)[0])
        skin = _skin_colour(picture, points)
        self._grain = _grain(picture, points, (len(self._y), len(self._x)))
        ivory = np.float32(0.3) * skin + np.float32(0.7) * skin.mean() * np.array([1.05, 1.0, 0.93], np.float32)
        self._ivory = np.minimum(1.12 * ivory, 245.0).astype(np.float32)
        if source.open:
            self._teeth = self._own_teeth(picture, source)
        else:
            self._teeth = self._drawn_teeth(rest, downwards=True)
        self._lower_teeth = self._drawn_teeth(rest, downwards=False)

    def draw(self, pose: Pose, shape: dict[str, float], window: Window) -> Image:
        """Return the inside behind the lips of a pose, (h, w, 3) in 0..255, for the rows of `window`."""
        unit, lips = self._unit, pose.lips
        rows = slice(window.top - self._top, window.bottom - self._top)
        y = self._y[rows]
        upper, lower = (np.interp(self._x, lips.x, edge).astype(np.float32) for edge in (lips.upper, lips.lower))
        depth = np.clip((y - upper) / np.maximum(lower - upper, 1.0), 0.0, 1.0)
        inside = (0.6 + 0.4 * depth)[..., None].astype(np.float32) * (CAVITY * self._lip)
        inside = self._with_tongue(inside, y, lower, shape["tongue"])
        shift = pose.jaw * (1 - 0.6 * shape["teeth"])
        strength = LOWER_TEETH_FAINT + (0.8 - LOWER_TEETH_FAINT) * shape["teeth"]
        lower_teeth, lower_alpha = (_shifted(image, shift, rows) for image in self._lower_teeth)
        inside = _over(inside, lower_teeth, np.float32(strength) * lower_alpha)
        covered = shape["pucker"] * (1 - shape["teeth"])
        teeth, alpha = (_shifted(image, -ROUNDED_COVERS * covered * unit, rows) for image in self._teeth)
        inside = _over(inside, teeth, np.float32(1 - ROUNDED_DIMS * covered) * alpha)
        lit = 0.6 * max(shape["lift"], 0.6 * shape["teeth"])
        shadow = 0.55 + 0.45 * smoothstep((y - upper) / (SHADOW_REACH * unit))
        t = lips.t_of(self._x)
        half = np.where(t < 0, lips.x[len(KNOTS) // 2] - lips.x[0], lips.x[-1] - lips.x[len(KNOTS) // 2])
        sides = 0.35 + 0.65 * smoothstep((1 - np.abs(t)) * half / (SIDE_REACH * unit))
        shade = lit + (1 - lit) * shadow * sides
        return inside * shade[..., None].astype(np.float32) + self._grain[rows]

    def _with_tongue(self, inside: Image, y: Image, lower: Image, raised: float) -> Image:
        """Return the inside with the tongue on the floor of the mouth, or raised to the teeth."""
        unit = self._unit
        middle = self._x[len(self._x) // 2]
        bulge = ((self._x - middle) / (0.30 * unit)) ** 2
        floor = lower - (0.13 - 0.06 * bulge) * unit
        tip = self._line + (UPPER_TEETH_BELOW + 0.02 + 0.06 * bulge) * unit
        top = floor + raised * np.minimum(tip - floor, 0.0)
        alpha = smoothstep((y - top) / (0.05 * unit)) * np.clip(1.6 - bulge, 0.0, 1.0)
        return _over(inside, TONGUE * self._lip, alpha.astype(np.float32))

    def _own_teeth(self, picture: Pixels, source: Lips) -> tuple[Image, Image]:
        """Return the photo's teeth where they are, repeated upward from their top, and nothing below them."""
        margin = 0.04 * self._unit
        upper = np.interp(self._x, source.x, source.upper) + margin
        lower = np.interp(self._x, source.x, source.lower) - 0.02 * self._unit
        inside_x = np.clip(self._x, source.x[0], source.x[-1])
        rows = np.clip(self._y, upper, np.maximum(upper, lower)).astype(np.float32)
        columns = np.broadcast_to(inside_x, rows.shape).astype(np.float32)
        teeth = cv2.remap(picture, columns, np.ascontiguousarray(rows), cv2.INTER_LINEAR).astype(np.float32)
        t = np.abs(source.t_of(self._x))
        alpha = smoothstep((lower - self._y) / (0.02 * self._unit) + 0.5) * smoothstep((1 - t) / 0.08)
        return teeth, alpha.astype(np.float32)

    def _drawn_teeth(self, rest: Lips, downwards: bool) -> tuple[Image, Image]:
        """Return a drawn row: the upper teeth hang to below the line, the lower ones stand up to it."""
        unit = self._unit
        middle = rest.x[len(KNOTS) // 2]
        edges = np.cumsum((0.0, *TOOTH_WIDTHS)) * unit * (1.0 if downwards else 0.72)
        away = np.abs(self._x - middle)
        tooth = np.clip(np.searchsorted(edges, away, side="right") - 1, 0, len(TOOTH_WIDTHS) - 1)
        half = (edges[tooth + 1] - edges[tooth]) / 2
        across = np.clip(np.abs(away - edges[tooth] - half) / half, 0.0, 1.0)
        lengths = np.array([1.0, 0.86, 0.95, 0.8, 0.7])[tooth] - 0.14 * across**4
        arch = 1 - 0.5 * np.clip(away / edges[-1], 0.0, 1.0) ** 2
        if downwards:
            bottom = self._line + (lengths * 1.0 - 0.0) * UPPER_TEETH_BELOW * unit
            rows = smoothstep((bottom - self._y) / (0.012 * unit) + 0.5)
        else:
            top = self._line + (UPPER_TEETH_BELOW + 0.02 - 0.03 * lengths) * unit
            rows = smoothstep((self._y - top) / (0.012 * unit) + 0.5) * smoothstep(
                (top + LOWER_TEETH_HEIGHT * unit - self._y) / (0.03 * unit)
            )
        gaps = 1 - 0.28 * smoothstep((across - 0.86) / 0.14)
        colour = (arch * gaps)[None, :, None] * self._ivory * np.ones((len(self._y), 1, 1), np.float32)
        alpha = rows * smoothstep((edges[-1] - away) / (0.03 * unit))
        return colour.astype(np.float32), alpha.astype(np.float32)


def _over(below: Image, colour: Image, alpha: Image) -> Image:
    mixed: Image = below + (colour - below) * alpha[..., None]
    return mixed


def _shifted(image: Image, down: float, rows: slice) -> Image:
    """Return rows of an image moved down by a fraction of pixels, zero where nothing moves in."""
    move = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, down - rows.start]])
    moved: Image = cv2.warpAffine(image, move, (image.shape[1], rows.stop - rows.start))
    return moved


def _skin_colour(picture: Pixels, points: Points) -> Image:
    patch = np.zeros(picture.shape[:2], np.uint8)
    for i in (50, 280, 205, 425, 199, 175):
        cv2.circle(patch, points[i].round().astype(int).tolist(), 6, 1, -1)
    return _median(picture, patch > 0)


def _median(picture: Pixels, where: NDArray[np.bool_]) -> Image:
    chosen = picture[where] if where.any() else picture.reshape(-1, 3)
    return np.median(chosen, axis=0).astype(np.float32)


def _grain(picture: Pixels, points: Points, shape: tuple[int, int]) -> Image:
    """Return noise as strong and as coarse as the photo's on the chin."""
    x, y = points[199].round().astype(int)
    patch = picture[max(y - 12, 0) : y + 12, max(x - 12, 0) : x + 12].astype(np.float32)
    strength = 0.0
    if patch.size:
        strength = float((patch - cv2.GaussianBlur(patch, (0, 0), 2.0)).std())
    noise = np.random.default_rng(0).normal(0.0, 1.0, shape).astype(np.float32)
    coarse = cv2.GaussianBlur(noise, (0, 0), 1.0)
    return (coarse / coarse.std() * min(strength, 6.0))[..., None]
