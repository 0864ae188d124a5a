"""Blinks: the skin of the upper lids slides down over the eyes, with the lashes as a rigid edge.

All coordinates are pixels of the working picture, in which the eyes lie level.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.area import Change, WorkArea, eye_band
from deployments.lipsync.preview.lipline import best_path
from deployments.lipsync.preview.lips import Curve
from deployments.lipsync.preview.pictures import blurred, looked_up, places
from deployments.lipsync.preview.warp import smoothstep
from deployments.media import FaceBox, FaceCrop, Pixels

Image = NDArray[np.float32]

UPPER_LIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (362, 398, 384, 385, 386, 387, 388, 466, 263))
LOWER_LIDS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (362, 382, 381, 380, 374, 373, 390, 249, 263))
BROWS = ((46, 53, 52, 65, 55), (285, 295, 282, 283, 276))

LEAST_WIDTH_PX, LEAST_OPENING, LEAST_EDGE = 9.0, 0.14, 6.0
"""An eye that can blink is this wide in the photo, open this far of its width, and both its edges differ from the
skin by this much, in Lab."""
OUTWARDS, INWARDS = 0.22, 0.03
"""How far from the mesh's lids their edges are looked for, in widths of the eye."""
DETAIL, ACROSS = 0.02, 0.045
"""What is smoothed away, and how far above and below an edge the eye is told from skin, in widths."""
STRAY_COST = 1.0
BEYOND = 0.15
"""How far the eye may go on beyond the mesh's corners, in widths."""
STRANGE = 25.0
"""How unlike the skin below an eye that above it may be, in Lab, for a lid to be made of it."""
THIN, THICK = 0.03, 0.16
"""How thick the upper lashes may be, in widths."""
LEAST_FOLD, FOLD_REACH = 0.08, 0.6
"""How far above the eye a crease begins, in widths, and how far up to the brow it may be, as a share."""
CREASE, CREASE_THICK = 4.0, 0.08
"""How much darker than the skin above and below it a crease is, in Lab L, and how thick at most, in widths."""
OVER = 0.02
"""How far the closed lid goes over the lower one, in widths."""
SOFT = 0.02


@dataclass(frozen=True, eq=False)
class Eye:
    """One eye's lines over the columns `x`: where its lid rolls out from and ends, and its way to shut."""

    x: Curve
    fold: Curve
    upper: Curve
    way: Curve
    lashes: float
    soft: float


class Eyelids:
    """The lids of one face. Immutable."""

    def __init__(self, crop: FaceCrop) -> None:
        self._area = eye_band(crop)
        lab = _lab(self._area.picture)
        eyes = [_eye(self._area, lab, *ids) for ids in zip(UPPER_LIDS, LOWER_LIDS, BROWS, strict=True)]
        self._eyes = [eye for eye in eyes if eye is not None]
        if len(self._eyes) < len(eyes):
            self._eyes = []  # nobody winks

    @property
    def box(self) -> FaceBox:
        """The photo pixels that a blink may change."""
        return self._area.box

    def onto(self, head: Pixels, box: FaceBox, shut: float) -> None:
        """Shut the eyes of the photo's pixels under `box` by 0 to 1, in place."""
        if self._eyes and shut > 0:
            self._area.add(self._change(shut), head, box)

    def _change(self, shut: float) -> Change:
        picture = self._area.picture.copy()
        for eye in self._eyes:
            _close(picture, eye, shut)
        return self._area.change(np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]))


def _lab(picture: Pixels) -> Image:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float32, copy=False)


def _eye(
    area: WorkArea, lab: Image, upper: tuple[int, ...], lower: tuple[int, ...], brow: tuple[int, ...]
) -> Eye | None:
    """Return an eye as the picture shows it, None where it cannot be read."""
    points = area.points
    left, right = points[upper[0], 0], points[upper[-1], 0]
    width = right - left
    if width < LEAST_WIDTH_PX * area.scale:
        return None
    lab = blurred(lab, DETAIL * width)
    x = np.arange(np.ceil(max(left - BEYOND * width, 0)), min(right + BEYOND * width, lab.shape[1] - 1))
    t = (2 * x - left - right) / width
    top, mesh_upper, mesh_lower = (np.interp(x, points[list(i), 0], points[list(i), 1]) for i in (brow, upper, lower))
    seen = np.abs(t) <= 1
    edges = (_edge(lab, x[seen], mesh[seen], way, width) for mesh, way in ((mesh_upper, -1), (mesh_lower, 1)))
    (above, upper_seen), (below, lower_seen) = edges
    upper_edge, lower_edge = (np.polyval(np.polyfit(t[seen], edge, 3), t) for edge in (above, below))
    inside = _middle_run(lower_edge > upper_edge)
    x, top, upper_edge, lower_edge = (line[inside] for line in (x, top, upper_edge, lower_edge))
    opening = float(np.max(lower_edge - upper_edge, initial=0.0))
    if min(upper_seen, lower_seen) < LEAST_EDGE or len(x) < width / 2 or opening < LEAST_OPENING * width:
        return None
    if _strangeness(lab, x, upper_edge, top, lower_edge + ACROSS * width, width) > STRANGE:
        return None
    light = lab[..., 0]
    way = (lower_edge + OVER * width - upper_edge) * (1 - np.linspace(-1, 1, len(x)) ** 6)
    fold = _fold(light, x, upper_edge, top, width)
    return Eye(x, fold, upper_edge, way, _lashes(light, x, upper_edge, width), SOFT * width)


def _strangeness(lab: Image, x: Curve, upper: Curve, brow: Curve, below: Curve, width: float) -> float:
    """Return how much what is between an eye and its brow differs from the skin `below` the eye, in Lab.

    A dark socket, the rim of glasses or hair there would be drawn over the eye.
    """
    depths = np.linspace(2 * SOFT * width, FOLD_REACH * float(np.median(upper - brow)), 12)[:, None]
    rows = np.median(looked_up(lab, places(x, upper - depths)), axis=1)
    skin = np.median(looked_up(lab, places(x, below + np.linspace(0, LEAST_FOLD * width, 4)[:, None])), axis=(0, 1))
    return float(np.percentile(np.linalg.norm(rows - skin, axis=1), 75))


def _fold(light: Image, x: Curve, upper: Curve, brow: Curve, width: float) -> Curve:
    """Return the crease above an eye, from which its lid rolls out; where none is seen, the brow."""
    reach = FOLD_REACH * float(np.median(upper - brow))
    offsets = np.arange(LEAST_FOLD * width, max(reach, LEAST_FOLD * width + 1))[:, None]
    line, above, below = (
        looked_up(light, places(x, upper - offsets + away)) for away in (0, -CREASE_THICK * width, CREASE_THICK * width)
    )
    depths = np.minimum(above, below) - line
    path = best_path(depths / (np.abs(depths).max() + 1e-6))
    depth = float(np.median(depths[path, np.arange(len(x))]))
    if depth < CREASE:
        return brow
    t = np.linspace(-1, 1, len(x))
    crease = np.polyval(np.polyfit(t, offsets[path, 0], 4), t)
    return upper - crease + CREASE_THICK / 2 * width


def _edge(lab: Image, x: Curve, mesh: Curve, outwards: int, width: float) -> tuple[Curve, float]:
    """Return where the skin beyond a lid's edge ends, and how much the eye differs from it there."""
    offsets = np.arange(-INWARDS * width, OUTWARDS * width + 0.5)[:, None]
    strip = looked_up(lab, places(x, mesh + outwards * (offsets + ACROSS * width)))
    inner = looked_up(lab, places(x, mesh + outwards * (offsets - ACROSS * width)))
    skin = np.median(strip[-max(len(strip) // 4, 1) :].reshape(-1, 3), axis=0)
    gain = np.linalg.norm(inner - skin, axis=2) - np.linalg.norm(strip - skin, axis=2)
    path = best_path(gain / (np.abs(gain).max() + 1e-6) - STRAY_COST * (offsets / (OUTWARDS * width)) ** 2)
    return mesh + outwards * offsets[path, 0], float(gain[path, np.arange(len(x))].mean())


def _middle_run(open_at: NDArray[np.bool_]) -> slice:
    """Return the columns around the middle one that are all open."""
    middle = len(open_at) // 2
    shut = np.flatnonzero(~open_at)
    return slice(int(max(shut[shut < middle], default=-1)) + 1, int(min(shut[shut > middle], default=len(open_at))))


def _lashes(light: Image, x: Curve, upper: Curve, width: float) -> float:
    """Return how thick the dark edge of the upper lid is, in pixels, as it is beside the iris."""
    t = np.linspace(-1, 1, len(x))
    beside = (np.abs(t) > 0.35) & (np.abs(t) < 0.8)
    depths = np.arange(0.0, THICK * width + 2)[:, None]
    profile = looked_up(light, places(x[beside], upper[beside] + depths)).mean(axis=1)
    return float(np.clip(depths[1 + np.diff(profile).argmax(), 0], THIN * width, THICK * width))


def _close(picture: Pixels, eye: Eye, shut: float) -> None:
    """Slide the lid of an eye down by a share of its way, in place."""
    columns = slice(int(eye.x[0]), int(eye.x[-1]) + 1)
    way = shut * eye.way
    lid = eye.upper + way
    first, stop = max(int(eye.fold.min()), 0), min(int(lid.max() + eye.lashes) + 3, len(picture))
    y = np.arange(first, stop)[:, None]
    skin = looked_up(
        picture, places(eye.x, np.minimum(y - way * _share(y, eye.fold, lid, way), eye.upper - 2 * eye.soft))
    )
    lashes = looked_up(picture, places(eye.x, y - way))
    under = picture[first:stop, columns]
    rigid = smoothstep((lid + eye.lashes - y) / (2 * eye.soft) + 0.5)[..., None]
    moved = smoothstep(way / (2 * eye.soft))[:, None]  # so that a lid that has hardly moved is hardly seen
    over = smoothstep((lid - y) / eye.soft + 0.5)[..., None] * moved
    closed = under + (lashes - under.astype(np.float32)) * rigid * moved
    closed += (skin - closed) * over
    under[:] = np.clip(closed + 0.5, 0, 255)


def _share(y: NDArray[np.integer], fold: Curve, lid: Curve, way: Curve) -> Image:
    """Return the share of the lid's way that its skin goes: near the lashes nearly all, if that tears nothing."""
    height = np.maximum(lid - fold, 1.0)
    linear = np.clip((y - fold) / height, 0.0, 1.0)
    rigid = np.clip(2 * (height - way) / np.maximum(way, 1.0), 0.0, 1.0)
    share: Image = (linear + rigid * (smoothstep(linear) - linear)).astype(np.float32)
    return share
