"""Working areas: a part of the face turned level and enlarged, and the way back to the photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.errors import NoFace
from deployments.lipsync.preview.pictures import moved
from deployments.media import FaceBox, FaceCrop, Pixels

Points = NDArray[np.float64]
Change = NDArray[np.int16]

FACE_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
LOWER_LIDS = (145, 374)
EYES_AND_BROWS = (33, 263, 46, 276, 53, 283, 52, 282, 65, 295, 55, 285, 133, 362, 145, 374, 7, 249)
NOSE_BRIDGE = 197

UNIT_SHARE = 0.64
"""W over the distance between the outer eye corners; a smile does not change it as it does the mouth's width."""
LEAST_UNIT_PX = 4.0
WORK_UNIT_PX = 120.0
"""W in working pixels that small faces are enlarged to, about: by whole factors, so that pixels fit."""
MOST_ENLARGED = 6
LEVEL_RAD = 0.07
"""A mouth tilted less than this is left as it is, so that pixels are not turned for nothing."""
SIDE, BELOW, UNDER_LIDS = 0.3, 0.45, 0.12
"""How far the area reaches beyond the face oval and the chin, and stays below the eyes, in W."""
EYE_MARGIN = 0.24
"""How far the eyes' area reaches beyond eyes and brows, in W."""
FEATHER = 0.1
"""Within how much of an area's rim what moves comes to rest, in W."""
GRID_PX = 6
"""Fields of motion are computed on a grid this wide; both sides of an area are multiples of it, and of its scale."""


@dataclass(frozen=True, eq=False)
class WorkArea:
    """A level picture of a part of the face, and where it lies in the photo.

    `picture` is (h, w, 3) uint8; `points` are the mesh's (468, 2) in its pixels; `unit` is W in its pixels;
    `scale` is its pixels a photo pixel; `to_photo` is the (2, 3) affine map from its pixels to the photo's;
    `box` is the part of the photo that it covers, `photo_seen` the pixels there as the working picture has them, and
    `fade` falls from 255 to 0 at the rim of the box.
    """

    picture: Pixels
    points: Points
    unit: float
    scale: int
    to_photo: NDArray[np.float64]
    box: FaceBox
    photo_seen: Pixels
    fade: NDArray[np.uint8]

    def change(self, warped: Pixels) -> Change:
        """Return what `box` gains where `picture` becomes `warped`, (h, w, 4) with a matte as its fourth channel.

        Only a change is brought back: added to the photo's own pixels it leaves those that did not move, bit by bit.
        """
        seen = _averaged(warped, self.scale, self.to_photo, self.box)
        change = cv2.subtract(cv2.cvtColor(seen, cv2.COLOR_RGBA2RGB), self.photo_seen, dtype=cv2.CV_16S)
        matte = cv2.multiply(cv2.extractChannel(seen, 3), self.fade, scale=1 / 255)
        matte = cv2.cvtColor(matte, cv2.COLOR_GRAY2RGB).astype(np.int16)
        return cv2.multiply(change, matte, scale=1 / 255).astype(np.int16, copy=False)

    def add(self, change: Change, photo: Pixels, box: FaceBox) -> None:
        """Add a change to the photo's pixels under a `box` that this area's lies in, in place."""
        under = part(photo, box, self.box)
        cv2.add(under, change, under, dtype=cv2.CV_8U)


def part(photo: Pixels, box: FaceBox, wanted: FaceBox) -> Pixels:
    """Return what is under a `wanted` box of the photo's pixels under `box`, as a view."""
    left, top = wanted.left - box.left, wanted.top - box.top
    return photo[top : top + wanted.height, left : left + wanted.width]


def lower_face(crop: FaceCrop) -> WorkArea:
    """Return the working area of a face's mouth, jaw and cheeks. Raises `NoFace` where its points are unknown."""
    points, unit = face_points(crop)
    turn = _turn(points[308] - points[78])
    return _work_area(crop, points, unit, turn, _lower_face_bounds(points @ turn, unit))


def eye_band(crop: FaceCrop) -> WorkArea:
    """Return the working area of both eyes, from the brows to the cheeks. Raises as `lower_face` does."""
    points, unit = face_points(crop)
    turn = _turn(points[263] - points[33])
    level = (points @ turn)[list(EYES_AND_BROWS)]
    return _work_area(
        crop, points, unit, turn, (level.min(axis=0) - EYE_MARGIN * unit, level.max(axis=0) + EYE_MARGIN * unit)
    )


def face_points(crop: FaceCrop) -> tuple[Points, float]:
    """Return the mesh's (468, 2) points and W, in photo pixels. Raises `NoFace` where they are unknown."""
    if crop.landmarks is None:
        raise NoFace("The preview engine must find the mouth, and no face was seen in the box that was given.")
    points = crop.landmarks[:, :2].astype(np.float64)
    return points, max(UNIT_SHARE * float(np.hypot(*(points[263] - points[33]))), LEAST_UNIT_PX)


def _work_area(
    crop: FaceCrop, points: Points, unit: float, turn: NDArray[np.float64], bounds: tuple[Points, Points]
) -> WorkArea:
    """Return the area between two corners in coordinates turned by `turn`, clipped to the crop's pixels."""
    low, high = bounds
    scale = int(np.clip(round(WORK_UNIT_PX / unit), 1, MOST_ENLARGED))
    step = np.lcm(GRID_PX, scale)
    size = np.ceil((high - low) * scale / step).astype(int) * step
    origin = turn @ np.floor(low) if np.array_equal(turn, np.eye(2)) else turn @ low
    to_photo = np.column_stack([turn / scale, origin + turn @ np.full(2, (0.5 / scale) - 0.5)])
    in_crop = to_photo.copy()
    in_crop[:, 2] -= (crop.area.left, crop.area.top)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_REPLICATE
    picture = cv2.warpAffine(crop.rgb, in_crop, size.tolist(), flags=flags, borderMode=edge).astype(
        np.uint8, copy=False
    )
    to_work = cv2.invertAffineTransform(to_photo)
    work_points = points @ to_work[:, :2].T + to_work[:, 2]
    box = _covered(to_photo, size, crop.area)
    photo_seen = _averaged(picture, scale, to_photo, box)
    fade = rims(box, unit)
    return WorkArea(picture, work_points, unit * scale, scale, to_photo, box, photo_seen, fade)


def _turn(across: Points) -> NDArray[np.float64]:
    """Return the rotation (2, 2) from level coordinates to the photo's, where `across` is level."""
    angle = float(np.arctan2(across[1], across[0]))
    if abs(angle) < LEVEL_RAD:
        angle = 0.0
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _lower_face_bounds(level: Points, unit: float) -> tuple[Points, Points]:
    """Return the corners of the area in level photo-sized coordinates."""
    oval = level[list(FACE_OVAL)]
    top = max(level[list(LOWER_LIDS), 1].max() + UNDER_LIDS * unit, level[NOSE_BRIDGE, 1])
    low = np.array([oval[:, 0].min() - SIDE * unit, min(top, level[13, 1] - 0.3 * unit)])
    high = np.array([oval[:, 0].max() + SIDE * unit, max(oval[:, 1].max(), level[14, 1] + 0.5 * unit) + BELOW * unit])
    return low, high


def _covered(to_photo: NDArray[np.float64], size: NDArray[np.int_], area: FaceBox) -> FaceBox:
    """Return the photo pixels that a picture of that size touches, cut to `area`."""
    ends = np.array([(0, 0), (size[0], 0), (0, size[1]), tuple(size)]) - 0.5
    return box_around((ends @ to_photo[:, :2].T + to_photo[:, 2] + 0.5).round(6), area)


def box_around(points: Points, area: FaceBox) -> FaceBox:
    """Return the box of some points (n, 2), cut to `area` and never empty."""
    (left, top), (right, bottom) = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    left, top = int(np.clip(left, area.left, area.right - 1)), int(np.clip(top, area.top, area.bottom - 1))
    return FaceBox(left, top, int(np.clip(right, left + 1, area.right)), int(np.clip(bottom, top + 1, area.bottom)))


def rims(box: FaceBox, unit: float) -> NDArray[np.uint8]:
    """Return 255 inside a box (h, w), falling to 0 smoothly within FEATHER of its rim; `unit` is W."""
    feather = max(FEATHER * unit, 1.0)
    return (255 * np.minimum.outer(_rim(box.height, feather), _rim(box.width, feather))).astype(np.uint8)


def _rim(length: int, feather: float) -> NDArray[np.float64]:
    """Return 1 along a side but for its ends, where it falls to 0 smoothly."""
    place = np.arange(length)
    inside = np.clip(np.minimum(place, length - 1 - place) / feather, 0.0, 1.0)
    rim: NDArray[np.float64] = inside * inside * (3 - 2 * inside)
    return rim


def _averaged(work: Pixels, scale: int, to_photo: NDArray[np.float64], box: FaceBox) -> Pixels:
    """Return working pixels brought over the photo pixels of `box`, each the mean of the area it covers."""
    size = box.width, box.height
    to_box = to_photo.copy()
    to_box[:, 2] -= (box.left, box.top)
    left, top = (scale * np.rint(-to_box[:, 2]).astype(int)).tolist()
    blocks = work[max(top, 0) : top + scale * box.height, max(left, 0) : left + scale * box.width]
    if to_photo[0, 1] == 0 and blocks.shape[:2] == (scale * box.height, scale * box.width):  # level, and all there
        return cv2.resize(blocks, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    anchor = scale // 2
    to_box[:, 2] -= to_box[:, :2] @ np.full(2, anchor - (scale - 1) / 2)  # where an even kernel has its middle
    mean = work if scale == 1 else cv2.blur(work, (scale, scale), anchor=(anchor, anchor)).astype(np.uint8, copy=False)
    return moved(mean, to_box, size)
