"""How far the lips of a talking picture are apart, told by its frames alone.

A patch of each lip is cut from the first frame, in which the mouth must be shut, and found again in every other one by
a full search. The opening is what lies between the upper patch's lower and the lower patch's upper edge. Nothing is
known of whatever made the frames. The face mesh says where the lips are in the first frame, and is not asked again.

All of it happens in strips: the middle of the mouth and what is above and below it, with the line of the lips made
straight and level, at UNIT_PX pixels a W (0.64 of the distance between the outer eye corners).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from deployments.faces.landmarks import LEFT_EYE, RIGHT_EYE
from deployments.lipsync.preview.lips import INNER_LOWER, INNER_UPPER

UNIT_SHARE, UNIT_PX = 0.64, 80
LEFT, RIGHT = 0.3, 0.7
"""Between which shares of the mouth's width a strip lies."""
ABOVE, BELOW, BESIDE = 48, 80, 10
"""How far a strip reaches from the line of the lips, and beside its patches, in pixels."""
NEAR, FAR = 2, 20
"""How far from the line a patch begins and ends, in pixels."""
UPPER_SEARCH, LOWER_SEARCH = (-40, 12), (-6, 60)
"""Between which rows, from the line, each lip is looked for."""
LONGER, WIDER = (0.8, 1.0, 1.2, 1.4), (0.85, 1.0, 1.1)
"""Lips change in shape: how many times longer and wider a patch may have become."""


@dataclass(frozen=True, eq=False)
class Lip:
    """A lip's patches as it may look, the row of its edge at rest, and the rows in which it is looked for."""

    patches: tuple[np.ndarray, ...]
    upper: bool
    edge: int
    rows: slice

    def found(self, strip):
        """Return how many pixels lower its edge is than at rest, and how like the patch it looks there, up to 1."""
        return max((self._match(strip, patch) for patch in self.patches), key=lambda match: match[1])

    def _match(self, strip, patch):
        likeness = cv2.matchTemplate(strip[self.rows], patch, cv2.TM_CCOEFF_NORMED)
        _, best, _, (column, row) = cv2.minMaxLoc(likeness)
        edge = self.rows.start + row + between_pixels(likeness[:, column], row) + self.upper * len(patch)
        return edge - self.edge, best


class LipMotion:
    """The lips of one picture at rest, (h, w, 3), and how far apart they are in others.

    `landmarks` are the mesh's (468, 2 or more) points in that picture.
    """

    def __init__(self, rest, landmarks):
        self._places = strip_places(landmarks[:, :2].astype(np.float64))
        self._upper, self._lower = lips_of(self._strip(rest))

    def apart(self, frame):
        """Return the opening in W, and how surely both lips were found, up to 1."""
        strip = self._strip(frame)
        (up, upper_likeness), (down, lower_likeness) = self._upper.found(strip), self._lower.found(strip)
        return (down - up) / UNIT_PX, min(upper_likeness, lower_likeness)

    def _strip(self, frame):
        return cv2.cvtColor(cv2.remap(frame, self._places, None, cv2.INTER_CUBIC), cv2.COLOR_RGB2GRAY)


def lips_of(rest):
    """Return the upper and the lower lip of a strip at rest."""
    middle = rest[:, BESIDE:-BESIDE]
    upper, lower = (slice(ABOVE + first, ABOVE + last) for first, last in (UPPER_SEARCH, LOWER_SEARCH))
    return (
        Lip(shapes_of(middle[ABOVE - FAR : ABOVE - NEAR]), True, ABOVE - NEAR, upper),
        Lip(shapes_of(middle[ABOVE + NEAR : ABOVE + FAR]), False, ABOVE + NEAR, lower),
    )


def shapes_of(patch):
    """Return a patch as it may look."""
    height, width = patch.shape
    return tuple(
        cv2.resize(patch, (round(width * wider), round(height * longer))) for longer in LONGER for wider in WIDER
    )


def strip_places(points):
    """Return where in the first frame each pixel of a strip lies, (rows, columns, 2)."""
    across = points[308] - points[78]
    angle = np.arctan2(across[1], across[0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    level = points @ turn
    pixel = UNIT_SHARE * np.hypot(*(points[RIGHT_EYE] - points[LEFT_EYE])) / UNIT_PX
    left, right = level[78, 0] + np.array([LEFT, RIGHT]) * (level[308, 0] - level[78, 0])
    x = np.arange(left - BESIDE * pixel, right + BESIDE * pixel, pixel)
    line = sum(edge_at(level[list(ids)], x) for ids in (INNER_UPPER, INNER_LOWER)) / 2
    y = line + pixel * np.arange(-ABOVE, BELOW)[:, None]
    return (np.stack([np.broadcast_to(x, y.shape), y], axis=-1) @ turn.T).astype(np.float32)


def edge_at(edge, x):
    """Return the height of an edge (n, 2) at each x."""
    return np.interp(x, *edge[np.argsort(edge[:, 0])].T)


def between_pixels(curve, peak):
    """Return how far the top of the parabola through a curve's highest point and its neighbours is from that point."""
    if not 0 < peak < len(curve) - 1:
        return 0.0
    before, top, after = curve[peak - 1 : peak + 2].astype(np.float64)
    bend = before - 2 * top + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
