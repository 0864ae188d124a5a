"""What is behind the lips: teeth, tongue and the dark of the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.area import WorkArea
from deployments.lipsync.preview.lips import MIDDLE, Lips, lip_masks
from deployments.lipsync.preview.motion import Pose
from deployments.lipsync.preview.pictures import blurred
from deployments.lipsync.preview.teeth import BELOW_LINE, drawn_lower, drawn_upper, own_teeth
from deployments.lipsync.preview.warp import smoothstep
from deployments.media import Pixels

Image = NDArray[np.float32]

CAVITY = np.array([0.20, 0.12, 0.11], np.float32)
TONGUE = np.array([0.60, 0.42, 0.42], np.float32)
"""Colours of the dark of the mouth and of the tongue, in shares of the lips' colour."""
TONGUE_HEIGHT, TONGUE_HALF_WIDTH = 0.115, 0.30
SHADOW_REACH, SIDE_REACH = 0.07, 0.13
"""How far the upper lip and the corners shade what is behind them, in W."""
LOWER_FAINT, LOWER_CLEAR, BITE = 0.25, 0.8, 0.6
"""How much the lower teeth show by themselves and for S, and how far the jaw then comes back to the bite."""
ROUNDED_COVERS, ROUNDED_DIMS = 0.03, 0.25
"""How much of the upper teeth rounded lips cover, in W, and how much they take of the light on them."""
EDGE_MARGIN = 0.08
SKIN = (50, 280, 205, 425, 199, 175)
SKIN_PATCH = 0.05
MOST_GRAIN = 6.0


@dataclass(frozen=True)
class Window:
    """A rectangle of working pixels."""

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
    """Draws the inside of one mouth, in the window in which its lips can part."""

    def __init__(self, area: WorkArea, source: Lips, rest: Lips, window: Window) -> None:
        unit = area.unit
        x = np.arange(window.left, window.right, dtype=np.float32)
        y = np.arange(window.top, window.bottom, dtype=np.float32)[:, None]
        self._unit, self._top, self._x, self._y = unit, window.top, x, y
        self._lip = _median(area.picture[lip_masks(area.picture.shape, area.points)[0]])
        skin = np.concatenate([_around(area, i).reshape(-1, 3) for i in SKIN])
        ivory = _ivory(_median(skin))
        self._upper = (
            own_teeth(area.picture, source, x, y, unit) if source.open else drawn_upper(rest, x, y, unit, ivory)
        )
        self._lower = drawn_lower(rest, x, y, unit, ivory)
        self._bulge = (((x - rest.x[MIDDLE]) / (TONGUE_HALF_WIDTH * unit)) ** 2).astype(np.float32)
        line = np.interp(x, rest.x, (rest.upper + rest.lower) / 2)
        self._tongue_tip = line + (BELOW_LINE + 0.02 + 0.06 * self._bulge) * unit
        self._grain = _grain(_around(area, SKIN[-1]), (len(y), len(x)))

    def draw(self, pose: Pose, shape: dict[str, float], window: Window) -> Image:
        """Return the inside behind the lips of a pose, (h, w, 3) in 0..255, for the rows of `window`."""
        unit, lips = self._unit, pose.lips
        rows = slice(window.top - self._top, window.bottom - self._top)
        y = self._y[rows]
        upper, lower = (np.interp(self._x, lips.x, edge).astype(np.float32) for edge in (lips.upper, lips.lower))
        depth = np.clip((y - upper) / np.maximum(lower - upper, 1.0), 0.0, 1.0)
        inside = (0.6 + 0.4 * depth)[..., None].astype(np.float32) * (CAVITY * self._lip)
        inside = self._with_tongue(inside, y, lower, shape["tongue"])
        clenched = shape["teeth"]
        strength = LOWER_FAINT + (LOWER_CLEAR - LOWER_FAINT) * clenched
        inside = self._lower.over(inside, strength, pose.jaw * (1 - BITE * clenched), rows)
        covered = shape["pucker"] * (1 - clenched)
        inside = self._upper.over(inside, 1 - ROUNDED_DIMS * covered, -ROUNDED_COVERS * covered * unit, rows)
        lit = max(0.6 * shape["lift"], 0.36 * clenched)
        under_lip = 0.55 + 0.45 * smoothstep((y - upper) / (SHADOW_REACH * unit))
        from_corner = (1 - np.abs(lips.t_of(self._x))) * lips.half_at(self._x)
        sides = 0.35 + 0.65 * smoothstep(from_corner / (SIDE_REACH * unit))
        light = (lit + (1 - lit) * under_lip * sides).astype(np.float32)
        return inside * light[..., None] + self._grain[rows]

    def _with_tongue(self, inside: Image, y: Image, lower: Image, raised: float) -> Image:
        """Return the inside with the tongue on the floor of the mouth, or raised to the teeth."""
        floor = lower - (TONGUE_HEIGHT - 0.06 * self._bulge) * self._unit
        top = floor + raised * np.minimum(self._tongue_tip - floor, 0.0)
        alpha = smoothstep((y - top) / (0.05 * self._unit)) * np.clip(1.6 - self._bulge, 0.0, 1.0)
        mixed: Image = inside + (TONGUE * self._lip - inside) * alpha[..., None]
        return mixed


def _around(area: WorkArea, landmark: int) -> Pixels:
    """Return the skin around a landmark, (h, w, 3), of a pixel at least."""
    height, width = area.picture.shape[:2]
    (x, y), reach = area.points[landmark].astype(int), int(SKIN_PATCH * area.unit)
    patch = Window(x - reach, y - reach, x + reach + 1, y + reach + 1).within(Window(0, 0, width, height))
    return area.picture[patch.slices]


def _median(colours: Pixels) -> Image:
    return np.median(colours, axis=0).astype(np.float32) if len(colours) else np.full(3, 128, np.float32)


def _ivory(skin: Image) -> Image:
    """Return the colour of teeth in the light that falls on this skin."""
    neutral = skin.mean() * np.array([1.05, 1.0, 0.93], np.float32)
    ivory: Image = np.minimum(np.float32(1.12) * (np.float32(0.3) * skin + np.float32(0.7) * neutral), np.float32(245))
    return ivory


def _grain(skin: Pixels, shape: tuple[int, int]) -> Image:
    """Return noise as strong as the photo's on this skin, (h, w, 1)."""
    fine = skin.astype(np.float32)
    strength = min(float((fine - blurred(fine, 2.0)).std()), MOST_GRAIN)
    noise = blurred(np.random.default_rng(0).normal(0.0, 1.0, shape).astype(np.float32), 1.0)
    grain: Image = (noise * np.float32(strength / max(float(noise.std()), 1e-6)))[..., None]
    return grain
