"""Which points of a face move where: the mouth at rest, and the mouth shapes of speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.area import FACE_OVAL, WorkArea
from deployments.lipsync.preview.channels import CHANNELS
from deployments.lipsync.preview.lips import KNOTS, MIDDLE, OUTER_LOWER, OUTER_UPPER, Curve, Lips, Points
from deployments.lipsync.preview.warp import smoothstep

JAW = {
    **dict.fromkeys((152, 148, 377, 199, 175), 1.0),
    **dict.fromkeys((149, 378, 200), 0.92),
    **dict.fromkeys((136, 365), 0.66),
    **dict.fromkeys((172, 397), 0.48),
    **dict.fromkeys((58, 288), 0.28),
    **dict.fromkeys((132, 361), 0.12),
}
CHEEKS = (205, 425, 50, 280, 207, 427, 206, 426, 216, 436, 212, 432, 214, 434, 187, 411, 147, 376, 210, 430)
NOSE = (1, 2, 4, 5, 98, 327, 97, 326, 49, 279, 64, 294, 129, 358, 195)
HELD_OVAL = (93, 323, 234, 454, 127, 356)
BORDER_STEP = 0.4
OUTSIDE_JAW = 0.42

INNER = np.arange(0, len(KNOTS), 2)
"""The knots of the lips' inner edges that steer the splines."""

JAW_SHARE = 0.62
UPPER_SHARE, LIFT_SHARE = 0.20, 0.20
"""How much of a gap the upper lip makes, and how much more of it with `lift` 1."""
UPPER_PROFILE, LOWER_PROFILE, ROUNDED_PROFILE = 2.0, 2.5, 2.0
BLUNT, ROUNDED_BLUNT = 0.85, 0.60
"""How the gap narrows towards the corners, (1 - a^profile)^blunt; 2 and 0.5 would be an ellipse."""
ROUNDED_TALLER = 0.5
"""How much taller a rounded mouth is than another of the same gap: it is narrower, and would look shut."""
ROUNDED_ZIP = 0.20
"""How much of the mouth's half rounded lips shut beyond that."""
ZIP_OPEN, ZIP_CLOSED, UNZIPPED_AT = 0.80, 0.86, 0.28
"""The lips part up to here at small gaps, for photos with an open and a closed mouth, and to the corners at a wide
gap in W: without it every vowel is a grin."""
CORNER_DROP = 0.22
ROUNDED_UPPER, ROUNDED_LEVEL = 0.07, 1.2
"""How much more of a gap the upper lip makes when it is rounded, and by how much of the line's curve the corners come
down (or up): with a smile's curve in it an OO is a triangle, and its outer lips keep some."""
PUCKER = 0.045
TUCK = 0.9
"""How much less the rim of the lower lip follows its edge for F and V: the lip is rolled in under the teeth."""
SMILE_INWARD, MOST_INWARD = 0.27, 0.20
"""How far a corner travels inward at most: on a smile in W from where the photo has it, and in widths at rest."""
CHEEK_REACH, CHEEK_FADE = 0.45, 0.45
"""How far cheeks follow a corner, and within what of the face oval they cease to, in W."""
OUTER_UPPER_FOLLOWS, OUTER_LOWER_FOLLOWS = 0.62, 0.86

# Closing a smile
LINE_AT, FLATTENED = 0.60, 0.65
REST_WIDTH, REST_WIDTH_SHARE = 0.85, 0.77
REST_UPPER_FOLLOWS, REST_LOWER_FOLLOWS = 0.75, 0.7
OVERLAP = 0.008


@dataclass(frozen=True, eq=False)
class Pose:
    """One moment of a mouth.

    The moves of the upper and the lower layer's handles, (handles, 2) pixels each, the lips' inner edges as they
    then are, and how far the jaw has dropped, in pixels.
    """

    upper_moves: Points
    lower_moves: Points
    lips: Lips
    jaw: float


class Motion:
    """The points of a face that steer it, and where mouth shapes take them. All in working pixels.

    `upper_controls` and `lower_controls` are each layer's points, (n, 2). They are moved by few handles: one for
    each point of a lip, one for the jaw and one for each cheek; `handles` (n, handles) says how far each goes along.
    `amount` makes all but the corners' travel smaller.
    """

    def __init__(self, area: WorkArea, lips: Lips, amount: float = 1.0) -> None:
        self._unit = area.unit
        self._amounts = np.where(np.array(CHANNELS) == "corner", 1.0, amount)
        self.source = lips
        self.rest = rest_lips(lips, area.unit) if lips.open else lips
        line = (self.rest.upper + self.rest.lower) / 2
        self._curve = float(line[MIDDLE] - (line[0] + line[-1]) / 2)
        points = area.points
        shared = np.concatenate([points[list(JAW)], points[list(CHEEKS)], _held(area)])
        outer = [points[list(ids)] for ids in (OUTER_UPPER, OUTER_LOWER)]
        self._outer_t = [np.clip(lips.t_of(edge[:, 0]), -1.0, 1.0) for edge in outer]
        self.upper_controls, self.lower_controls = (
            np.concatenate([np.stack([lips.x, inner], axis=1)[INNER], edge, shared])
            for inner, edge in zip((lips.upper, lips.lower), outer, strict=True)
        )
        lip_points = len(INNER) + len(OUTER_UPPER)
        jaw, cheeks = lip_points + len(JAW), lip_points + len(JAW) + len(CHEEKS)
        self.handles = np.zeros((len(self.upper_controls), lip_points + 3))
        self.handles[:lip_points, :lip_points] = np.eye(lip_points)
        self.handles[lip_points:jaw, lip_points] = list(JAW.values())
        for side, end in enumerate((0, -1)):
            corner = np.array([lips.x[end], lips.upper[end]])
            self.handles[jaw:cheeks, lip_points + 1 + side] = _cheek_weights(points, corner, area.unit)

    def pose(self, features: NDArray[np.float32]) -> Pose:
        """Return the pose of one frame's features (len(CHANNELS),)."""
        shape = dict(zip(CHANNELS, (self._amounts * features).tolist(), strict=True))
        gap = shape["gap"] * self._unit * (1 + ROUNDED_TALLER * shape["pucker"])
        share = UPPER_SHARE + LIFT_SHARE * shape["lift"] + ROUNDED_UPPER * shape["pucker"]
        up = -share * gap * self._profile(shape["gap"], UPPER_PROFILE, shape["pucker"])
        down = (1 - share) * gap * self._profile(shape["gap"], LOWER_PROFILE, shape["pucker"])
        drop = (CORNER_DROP * gap + ROUNDED_LEVEL * shape["pucker"] * self._curve) * KNOTS**2
        pucker = PUCKER * self._unit * shape["pucker"] * (1 - KNOTS**2)
        x = self.rest.x + self._sideways(shape["corner"])
        lips = Lips(x, self.rest.upper + up + drop, self.rest.lower + down + drop, self.rest.open)
        jaw = JAW_SHARE * gap * (1 - share) / (1 - UPPER_SHARE)
        corners = np.stack([lips.x - self.source.x, lips.upper - self.source.upper], axis=1)[[0, -1]]
        shared = np.array([(0.0, jaw), *corners])
        upper = self._layer_moves(0, x, lips.upper, OUTER_UPPER_FOLLOWS * up + drop - pucker, shared)
        lower = self._layer_moves(
            1, x, lips.lower, OUTER_LOWER_FOLLOWS * (1 - TUCK * shape["lift"]) * down + drop + pucker, shared
        )
        return Pose(upper, lower, lips, jaw)

    def _profile(self, gap: float, power: float, rounded: float) -> Curve:
        """Return how far the lips are apart across the mouth, 1 at its middle."""
        zipped = ZIP_OPEN if self.source.open else ZIP_CLOSED
        reach = (zipped + (1 - zipped) * min(gap / UNZIPPED_AT, 1.0)) * (1 - ROUNDED_ZIP * rounded)
        power += rounded * (ROUNDED_PROFILE - power)
        blunt = BLUNT + rounded * (ROUNDED_BLUNT - BLUNT)
        profile: Curve = (1 - np.minimum(np.abs(KNOTS) / reach, 1.0) ** power) ** blunt
        return profile

    def _sideways(self, corner: float) -> Curve:
        """Return how far the knots travel sideways, less where the mouth is seen from the side."""
        corner = max(corner, -MOST_INWARD * self.rest.width / self._unit)
        if self.source.open:
            inward = (self.source.width - self.rest.width) / 2 / self._unit
            corner = max(corner, min(inward - SMILE_INWARD, 0.0))
        seen = 2 * self.rest.half_at(self.rest.x) / self.rest.width
        return corner * self._unit * seen * KNOTS

    def _layer_moves(self, layer: int, x: Curve, inner: Curve, outer_rise: Curve, shared: Points) -> Points:
        """Return the moves of one layer's handles: inner edge, outer edge, jaw and cheeks."""
        source = (self.source.upper, self.source.lower)[layer]
        rest = (self.rest.upper, self.rest.lower)[layer]
        follows = (REST_UPPER_FOLLOWS, REST_LOWER_FOLLOWS)[layer]
        inner_moves = np.stack([x - self.source.x, inner - source], axis=1)[INNER]
        outer_y = follows * (rest - source) + outer_rise
        outer_moves = np.stack(
            [np.interp(self._outer_t[layer], KNOTS, curve) for curve in (x - self.source.x, outer_y)], axis=1
        )
        return np.concatenate([inner_moves, outer_moves, shared])


def rest_lips(lips: Lips, unit: float) -> Lips:
    """Return a smile with teeth closed: flatter, narrower, the edges overlapping so that no slit remains."""
    line = (1 - LINE_AT) * lips.upper + LINE_AT * lips.lower
    line = line.mean() + (1 - FLATTENED) * (line - line.mean())
    narrower = min(max(REST_WIDTH * unit, REST_WIDTH_SHARE * lips.width) / lips.width, 1.0)
    middle = lips.x[MIDDLE]
    overlap = OVERLAP * unit * (1 - KNOTS**2)
    return Lips(middle + narrower * (lips.x - middle), line + overlap, line - overlap, lips.open)


def _cheek_weights(points: Points, corner: Points, unit: float) -> Curve:
    """Return how far each of CHEEKS goes along with a corner of the mouth: not at all on the face oval."""
    cheeks = points[list(CHEEKS)]
    squared = ((cheeks - corner) ** 2).sum(axis=1) / (CHEEK_REACH * unit) ** 2
    to_oval = np.linalg.norm(cheeks[:, None] - points[list(FACE_OVAL)], axis=2).min(axis=1)
    weights: Curve = np.exp(-squared) * smoothstep(to_oval / (CHEEK_FADE * unit))
    return weights


def _held(area: WorkArea) -> Points:
    """Return the points that stay: nose, upper face oval, a row outside the jaw, and the rim of the area."""
    points = area.points
    jaw = points[[i for i in JAW if i in FACE_OVAL]]
    outwards = jaw - points[list(FACE_OVAL)].mean(axis=0)
    outside = jaw + OUTSIDE_JAW * area.unit * outwards / np.linalg.norm(outwards, axis=1, keepdims=True)
    height, width = area.picture.shape[:2]
    return np.concatenate([points[list(NOSE)], points[list(HELD_OVAL)], outside, _border(width, height, area.unit)])


def _border(width: int, height: int, unit: float) -> Points:
    """Return points along the rim of the area."""
    x = np.linspace(0, width, max(3, round(width / (BORDER_STEP * unit))))
    y = np.linspace(0, height, max(3, round(height / (BORDER_STEP * unit))))[1:-1]
    rows = [np.stack([x, np.full_like(x, edge)], axis=1) for edge in (0, height)]
    columns = [np.stack([np.full_like(y, edge), y], axis=1) for edge in (0, width)]
    return np.concatenate(rows + columns)
