"""One mouth made ready to speak: set up once, then what it changes in the photo for each frame's features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.area import FACE_OVAL, GRID_PX, Change, WorkArea, lower_face
from deployments.lipsync.preview.channels import CHANNELS
from deployments.lipsync.preview.interior import Interior, Window
from deployments.lipsync.preview.lipline import find_lips
from deployments.lipsync.preview.lips import Lips, mesh_lips
from deployments.lipsync.preview.motion import Motion, Pose
from deployments.lipsync.preview.pictures import blurred, filled, looked_up
from deployments.lipsync.preview.warp import backwards, grid_centres, smoothstep, spline_matrix, upsampled
from deployments.media import FaceBox, FaceCrop, Pixels

Field = NDArray[np.float32]

SMALLEST_MOUTH_PX = 30.0
"""Below this width the picture does not show where the lips part: the mesh's line is used, and opened less."""
SMALL_MOUTH_AMOUNT = 0.7
FINE_UNIT_PX = 40.0
"""From this W in photo pixels on, the lip line is a polynomial of degree 6, below of degree 4."""
EDGE_FEATHER = 0.009
BEYOND_CORNER, BLEND_BAND = 0.12, 0.16
MATTE_SIZE, MATTE_BLUR = 1.08, 0.02


class Mouth:
    """A mouth, with jaw and cheeks, ready to speak. Immutable after set-up, so that threads may share it."""

    def __init__(self, crop: FaceCrop) -> None:
        area = lower_face(crop)
        small = float(np.hypot(*(area.points[308] - area.points[78]))) / area.scale < SMALLEST_MOUTH_PX
        degree = 6 if area.unit / area.scale >= FINE_UNIT_PX else 4
        lips = mesh_lips(area.points, area.unit) if small else find_lips(area.picture, area.points, area.unit, degree)
        self._area = area
        self._motion = Motion(area, lips, SMALL_MOUTH_AMOUNT if small else 1.0)
        height, width = area.picture.shape[:2]
        self._centres = grid_centres(width, height, GRID_PX)
        cells = self._centres.reshape(-1, 2).astype(np.float64)
        handles = self._motion.handles.astype(np.float32)
        self._upper = spline_matrix(self._motion.upper_controls, cells, area.unit) @ handles
        self._lower = spline_matrix(self._motion.lower_controls, cells, area.unit) @ handles
        self._pixels = grid_centres(width, height, 1)
        self._window = _window(lips, self._motion.rest, area)
        self._interior = Interior(area, lips, self._motion.rest, self._window)
        self._face = np.dstack([area.picture, _matte(area)])
        self._upper_lip, self._lower_lip = _layers(area.picture, lips, area.unit)
        self._rest = self._change(np.zeros(len(CHANNELS), np.float32))

    @property
    def box(self) -> FaceBox:
        """The photo pixels that the mouth moves."""
        return self._area.box

    def onto(self, head: Pixels, box: FaceBox, features: NDArray[np.float32]) -> None:
        """Move the mouth of the photo's pixels under `box` by one frame's features (len(CHANNELS),), in place."""
        change = self._change(features) if features.any() else self._rest
        if change is not None:
            self._area.add(change, head, box)

    def _change(self, features: NDArray[np.float32]) -> Change | None:
        if not features.any() and not self._motion.source.open:
            return None
        pose = self._motion.pose(features)
        window = self._window.around(pose.lips, self._area.unit)
        upper_map, lower_map = self._maps(pose, window)
        split = (window.top + window.bottom) // 2
        warped = looked_up(self._face, np.vstack([upper_map[:split], lower_map[split - window.top :]]))
        mouth = self._interior.draw(pose, dict(zip(CHANNELS, features.tolist(), strict=True)), window)
        rows, columns = window.bottom - window.top, slice(window.left, window.right)
        for layer, where in ((self._lower_lip, lower_map[:rows]), (self._upper_lip, upper_map[-rows:])):
            lip = looked_up(layer, where[:, columns]).astype(np.float32)
            mouth += (lip[..., :3] - mouth) * (lip[..., 3:] / np.float32(255))
        warped[window.slices][..., :3] = np.clip(mouth + np.float32(0.5), 0, 255)
        return self._area.change(warped)

    def _maps(self, pose: Pose, window: Window) -> tuple[Field, Field]:
        """Return where pixels come from: of the upper layer down to a window's end, of the lower from its top on.

        Beyond the corners both layers become one blend of the two, so that no edge runs through the cheeks.
        """
        shape = self._centres.shape
        upper, lower = (
            backwards((matrix @ moves.astype(np.float32)).reshape(shape), self._centres, GRID_PX)
            for matrix, moves in ((self._upper, pose.upper_moves), (self._lower, pose.lower_moves))
        )
        lips, unit = pose.lips, self._area.unit
        x, y = self._centres[0, :, 0], self._centres[:, :1, 1]
        outside = np.maximum(lips.x[0] - x, x - lips.x[-1])
        beyond = smoothstep(outside / (BEYOND_CORNER * unit))
        line = np.interp(x, lips.x, (lips.upper + lips.lower) / 2)
        above = beyond * smoothstep((line.astype(np.float32) - y) / np.float32(BLEND_BAND * unit) + np.float32(0.5))
        gap = lower - upper
        upper += gap * (beyond - above)[..., None]
        lower -= gap * above[..., None]
        height = len(self._pixels)
        return self._places(upper, 0, window.bottom), self._places(lower, window.top, height)

    def _places(self, field: Field, top: int, bottom: int) -> Field:
        """Return the places that a grid's field points to from some rows of pixels, (bottom - top, w, 2)."""
        first, stop = max(top // GRID_PX - 1, 0), min(bottom // GRID_PX + 2, len(field))
        moved = upsampled(field[first:stop], GRID_PX)
        return moved[top - first * GRID_PX :][: bottom - top] + self._pixels[top:bottom]


def _window(source: Lips, rest: Lips, area: WorkArea) -> Window:
    """Return where the lips can part, with the blend beyond the corners."""
    height, width = area.picture.shape[:2]
    unit = area.unit
    left, right = min(source.x[0], rest.x[0]) - 0.25 * unit, max(source.x[-1], rest.x[-1]) + 0.25 * unit
    top, bottom = min(source.upper.min(), rest.upper.min()) - 0.2 * unit, rest.lower.max() + 0.5 * unit
    return Window(int(left), int(top), int(right), int(bottom)).within(Window(0, 0, width, height))


def _layers(picture: Pixels, lips: Lips, unit: float) -> tuple[Pixels, Pixels]:
    """Return the upper and the lower layer, (h, w, 4) each: the picture, and how opaque it is on that lip's side."""
    height, width = picture.shape[:2]
    x, y = np.arange(width), np.arange(height)[:, None]
    feather = max(EDGE_FEATHER * unit, 1.0)
    upper = smoothstep(1 - (y - np.interp(x, lips.x, lips.upper)) / feather * 0.5)
    lower = smoothstep(1 - (np.interp(x, lips.x, lips.lower) - y) / feather * 0.5)
    return _with_alpha(picture, upper), _with_alpha(picture, lower)


def _with_alpha(picture: Pixels, alpha: Field) -> Pixels:
    layer: Pixels = np.dstack([picture, (255 * alpha + 0.5).astype(np.uint8)])
    return layer


def _matte(area: WorkArea) -> NDArray[np.uint8]:
    """Return the face oval, 255 inside: it slides over a collar that stays."""
    oval = area.points[list(FACE_OVAL)]
    middle = oval.mean(axis=0)
    matte = filled(area.picture.shape, middle + MATTE_SIZE * (oval - middle))
    return blurred(matte, MATTE_BLUR * area.unit)
