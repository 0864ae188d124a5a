"""What is behind the lips: teeth, tongue and the dark of the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.area import WorkArea
from deployments.lipsync.preview.light import light_in, skin_around
from deployments.lipsync.preview.lips import MIDDLE, Lips, lip_masks
from deployments.lipsync.preview.motion import Pose
from deployments.lipsync.preview.pictures import blurred
from deployments.lipsync.preview.teeth import BELOW_LINE, drawn_lower, drawn_upper, own_teeth
from deployments.lipsync.preview.warp import smoothstep
from deployments.media import Pixels

Image = NDArray[np.float32]

CAVITY = np.array([0.20, 0.12, 0.11], np.float32)
TONGUE = np.array([0.56, 0.38, 0.37], np.float32)
"""Colours of the dark of the mouth and of the tongue, in shares of the lips' colour."""
TONGUE_HEIGHT, TONGUE_HALF_WIDTH = 0.10, 0.36
SHADOW_REACH, SIDE_REACH = 0.07, 0.13
"""How far the upper lip and the corners shade what is behind them, in W."""
LOWER_FAINT, LOWER_CLEAR, BITE = 0.25, 0.8, 0.6
"""How much the lower teeth show by themselves and for S, and how far the jaw then comes back to the bite."""
ROUNDED_COVERS, ROUNDED_DIMS = 0.14, 0.45
"""How much of the upper teeth rounded lips cover, in W, and how much of the light they take."""
EDGE_MARGIN = 0.08
GRAIN_FROM = 175
MOST_GRAIN = 0.04


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
        light = light_in(area)
        lip = _median(area.picture[lip_masks(area.picture.shape, area.points)[0]])
        self._cavity, self._tongue = light.toned(CAVITY * lip), light.toned(TONGUE * lip)
        middle = float(rest.x[MIDDLE])
        tooth = light.toned(light.across(x, middle)[:, None] * light.tooth)
        self._upper = (
            own_teeth(area.picture, source, x, y, unit) if source.open else drawn_upper(rest, x, y, unit, tooth)
        )
        self._lower = drawn_lower(rest, x, y, unit, tooth)
        self._bulge = (((x - middle) / (TONGUE_HALF_WIDTH * unit)) ** 2).astype(np.float32)
        line = np.interp(x, rest.x, (rest.upper + rest.lower) / 2)
        self._tip = (line + (BELOW_LINE + 0.02 + 0.06 * self._bulge) * unit).astype(np.float32)
        self._grain = _grain(skin_around(area, GRAIN_FROM), (len(y), len(x)))

    def draw(self, pose: Pose, shape: dict[str, float], window: Window) -> Image:
        """Return the inside behind the lips of a pose, (h, w, 3) in 0..255, for the rows of `window`."""
        unit, lips = self._unit, pose.lips
        rows = slice(window.top - self._top, window.bottom - self._top)
        y = self._y[rows]
        upper, lower = (np.interp(self._x, lips.x, edge).astype(np.float32) for edge in (lips.upper, lips.lower))
        depth = np.clip((y - upper) / np.maximum(lower - upper, 1.0), 0.0, 1.0)
        inside = (0.6 + 0.4 * depth)[..., None].astype(np.float32) * self._cavity
        inside = self._with_tongue(inside, y, lower, shape["tongue"])
        clenched = shape["teeth"]
        strength = LOWER_FAINT + (LOWER_CLEAR - LOWER_FAINT) * clenched
        inside = self._lower.over(inside, strength, pose.jaw * (1 - BITE * clenched), rows)
        covered = shape["pucker"] * (1 - clenched)
        inside = self._upper.over(inside, 1.0, -ROUNDED_COVERS * covered * unit, rows)
        lit = max(0.6 * shape["lift"], 0.36 * clenched)
        under_lip = 0.65 + 0.35 * smoothstep((y - upper) / (SHADOW_REACH * unit))
        from_corner = ((1 - np.abs(lips.t_of(self._x))) * lips.half_at(self._x)).astype(np.float32)
        sides = 0.45 + 0.55 * smoothstep(from_corner / (SIDE_REACH * unit))
        light = ((1 - ROUNDED_DIMS * covered) * (lit + (1 - lit) * under_lip * sides)).astype(np.float32)
        return inside * (light[..., None] * self._grain[rows])

    def _with_tongue(self, inside: Image, y: Image, lower: Image, raised: float) -> Image:
        """Return the inside with the tongue on the floor of the mouth, or raised to the teeth."""
        floor = lower - (TONGUE_HEIGHT - 0.06 * self._bulge) * self._unit
        top = floor + raised * np.minimum(self._tip - floor, 0.0)
        alpha = smoothstep((y - top) / (0.05 * self._unit)) * np.clip(1.6 - self._bulge, 0.0, 1.0)
        mixed: Image = inside + (self._tongue - inside) * alpha[..., None]
        return mixed


def _median(colours: Pixels) -> Image:
    return np.median(colours, axis=0).astype(np.float32) if len(colours) else np.full(3, 128, np.float32)


def _grain(skin: Pixels, shape: tuple[int, int]) -> Image:
    """Return noise as strong as the photo's on this skin, as factors around 1, (h, w, 1)."""
    fine = skin.astype(np.float32)
    strength = min(float((fine - blurred(fine, 2.0)).std() / (fine.mean() + 1)), MOST_GRAIN)
    noise = blurred(np.random.default_rng(0).normal(0.0, 1.0, shape).astype(np.float32), 1.0)
    grain: Image = 1 + (noise * np.float32(strength / max(float(noise.std()), 1e-6)))[..., None]
    return grain
