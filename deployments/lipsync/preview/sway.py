"""Sway: the face turns, nods and tilts a little inside the outline of its head, which stays.

A head that turns does not move where it meets what is behind it, and moves the more the nearer to us: so the motion
is whole in the middle of the face and nothing on its outline, and the background is never touched.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.area import FACE_OVAL, Points, box_around, face_points, part, rims
from deployments.lipsync.preview.pictures import filled, looked_up
from deployments.lipsync.preview.warp import grid_centres, smoothstep
from deployments.media import FaceBox, FaceCrop, Pixels

Field = NDArray[np.float32]

FOREHEAD = 0.25
"""How far the head goes on above the mesh, in W, for hair or a bald skull."""
DEPTH = 0.75
"""How far inside the outline the motion is whole, in W."""
TURN, NOD, TILT_RAD = 0.030, 0.022, 0.010
"""How far the middle of the face moves sideways and down, in W, and how far it tilts, for a sway of 1."""
MOST_FINE_PX = 120_000
"""Faces of more pixels are looked up linearly, which blurs a little: cubic takes four times as long."""


class Sway:
    """How one head moves. Immutable."""

    def __init__(self, crop: FaceCrop) -> None:
        points, unit = face_points(crop)
        down = _down(points)
        outline = _outline(points, down, unit)
        self.box = box_around(outline, crop.area)
        outline = outline - (self.box.left, self.box.top)
        self._pixels = grid_centres(self.box.width, self.box.height, 1)
        self._fields = _fields(self._pixels, outline, down, unit) * _depth(self.box, outline, unit)
        fine = self.box.width * self.box.height <= MOST_FINE_PX
        self._between = cv2.INTER_CUBIC if fine else cv2.INTER_LINEAR

    def onto(self, head: Pixels, box: FaceBox, turn: float, nod: float, tilt: float) -> None:
        """Move the head of the photo's pixels under `box` by a sway of -1 to 1 each, in place."""
        under = part(head, box, self.box)
        where = self._pixels - np.tensordot(np.array([turn, nod, tilt], np.float32), self._fields, axes=1)
        under[:] = looked_up(under, where, self._between)


def _down(points: Points) -> Points:
    """Return the direction from the eyes to the mouth, (2,)."""
    down = points[[13, 14]].mean(axis=0) - points[[33, 263]].mean(axis=0)
    direction: Points = down / max(float(np.hypot(*down)), 1e-6)
    return direction


def _outline(points: Points, down: Points, unit: float) -> Points:
    """Return the face oval with its upper half raised."""
    oval = points[list(FACE_OVAL)]
    height = (oval.mean(axis=0) - oval) @ down
    raised: Points = oval - np.outer(FOREHEAD * unit * np.clip(height / max(float(height.max()), 1e-6), 0, 1), down)
    return raised


def _fields(pixels: Field, outline: Points, down: Points, unit: float) -> Field:
    """Return where a turn, a nod and a tilt of 1 would take each pixel of a flat head, (3, h, w, 2)."""
    turn = np.broadcast_to(TURN * unit * np.array([down[1], -down[0]]), pixels.shape)
    nod = np.broadcast_to(NOD * unit * down, pixels.shape)
    tilt = TILT_RAD * (pixels - outline.mean(axis=0))[..., ::-1] * (-1, 1)
    return np.stack([turn, nod, tilt]).astype(np.float32)


def _depth(box: FaceBox, outline: Points, unit: float) -> Field:
    """Return how near to us the face is, (h, w, 1): 1 in its middle, 0 from its outline on and on the box's rim."""
    inside = cv2.distanceTransform(filled((box.height, box.width), outline), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    near = smoothstep(inside.astype(np.float32) / (DEPTH * unit))
    return (near * (rims(box, unit) / np.float32(255)))[..., None].astype(np.float32)
