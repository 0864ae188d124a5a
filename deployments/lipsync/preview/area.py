"""The working area: the lower face turned level and enlarged, and the way back to the photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.errors import NoFace
from deployments.lipsync.preview.pictures import moved
from deployments.media import FaceBox, FaceCrop, Pixels

Points = NDArray[np.float64]

FACE_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
LOWER_LIDS = (145, 374)
NOSE_BRIDGE = 197

UNIT_SHARE = 0.64
"""W over the distance between the outer eye corners; a smile does not change it as it does the mouth's width."""
LEAST_UNIT_PX = 4.0
WORK_UNIT_PX = 120.0
"""W in working pixels that small faces are enlarged to, about: by whole factors, so that pixels fit."""
MOST_ENLARGED = 6
LEVEL_RAD = 0.07
"""A mouth tilted less than this is left as it is, so that pixels are not turned for nothing."""
SIDE, BELOW, UNDER_LIDS = 0.42, 0.55, 0.12
"""How far the area reaches beyond the face oval and the chin, and stays below the eyes, in W."""
FEATHER = 0.1
GRID_PX = 6
"""Fields of motion are computed on a grid this wide, which both sides of the area are multiples of."""


@dataclass(frozen=True, eq=False)
class WorkArea:
    """A level picture of the lower face, and where it lies in the photo.

    `picture` is (h, w, 3) uint8; `points` are the mesh's (468, 2) in its pixels; `unit` is W in its pixels;
    `scale` is its pixels a photo pixel; `to_photo` is the (2, 3) affine map from its pixels to the photo's;
    `box` is the part of the photo that it covers, `photo` the pixels there, `photo_seen` the same as the working
    picture has them, and `mask` fades to 0 at its rim.
    """

    picture: Pixels
    points: Points
    unit: float
    scale: int
    to_photo: NDArray[np.float64]
    box: FaceBox
    photo: Pixels
    photo_seen: NDArray[np.int16]
    mask: NDArray[np.uint8]

    def onto_photo(self, warped: Pixels) -> Pixels:
        """Return `photo` changed as `picture` was to become `warped`, (h, w, 4) with a matte as its fourth channel.

        Only the change is brought back: what did not move keeps the photo's own pixels, bit by bit.
        """
        seen = _averaged(warped, self.scale, self.to_photo, self.box)
        change = (seen[..., :3] - self.photo_seen) * (seen[..., 3:] / np.float32(255))
        return np.clip(self.photo + np.rint(change), 0, 255).astype(np.uint8)


def work_area(crop: FaceCrop) -> WorkArea:
    """Return the working area of a face, clipped to the crop's pixels. Raises `NoFace` where its points are unknown."""
    if crop.landmarks is None:
        raise NoFace("The preview engine must find the mouth, and no face was seen in the box that was given.")
    points = crop.landmarks[:, :2].astype(np.float64)
    unit = max(UNIT_SHARE * float(np.hypot(*(points[263] - points[33]))), LEAST_UNIT_PX)
    scale = int(np.clip(round(WORK_UNIT_PX / unit), 1, MOST_ENLARGED))
    turn = _turn(points)
    low, high = _bounds(points @ turn, unit)
    size = np.ceil((high - low) * scale / GRID_PX).astype(int) * GRID_PX
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
    left, top = box.left - crop.area.left, box.top - crop.area.top
    photo = FaceBox(left, top, left + box.width, top + box.height).cut(crop.rgb)
    mask = _mask(size, unit, scale, to_photo, box)
    photo_seen = _averaged(picture, scale, to_photo, box).astype(np.int16)
    return WorkArea(picture, work_points, unit * scale, scale, to_photo, box, photo, photo_seen, mask)


def _turn(points: Points) -> NDArray[np.float64]:
    """Return the rotation (2, 2) from level coordinates to the photo's, by the corners of the mouth."""
    across = points[308] - points[78]
    angle = float(np.arctan2(across[1], across[0]))
    if abs(angle) < LEVEL_RAD:
        angle = 0.0
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _bounds(level: Points, unit: float) -> tuple[Points, Points]:
    """Return the corners of the area in level photo-sized coordinates."""
    oval = level[list(FACE_OVAL)]
    top = max(level[list(LOWER_LIDS), 1].max() + UNDER_LIDS * unit, level[NOSE_BRIDGE, 1])
    low = np.array([oval[:, 0].min() - SIDE * unit, min(top, level[13, 1] - 0.3 * unit)])
    high = np.array([oval[:, 0].max() + SIDE * unit, max(oval[:, 1].max(), level[14, 1] + 0.5 * unit) + BELOW * unit])
    return low, high


def _covered(to_photo: NDArray[np.float64], size: NDArray[np.int_], area: FaceBox) -> FaceBox:
    """Return the photo pixels that a picture of that size touches, cut to `area` and never empty."""
    corners = np.array([(0, 0), (size[0], 0), (0, size[1]), tuple(size)]) @ to_photo[:, :2].T + to_photo[:, 2]
    (left, top), (right, bottom) = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
    left, top = int(np.clip(left, area.left, area.right - 1)), int(np.clip(top, area.top, area.bottom - 1))
    return FaceBox(left, top, int(np.clip(right, left + 1, area.right)), int(np.clip(bottom, top + 1, area.bottom)))


def _mask(
    size: NDArray[np.int_], unit: float, scale: int, to_photo: NDArray[np.float64], box: FaceBox
) -> NDArray[np.uint8]:
    """Return the mask over `box`: 255 inside, falling to 0 towards the rims of the area and of the box."""
    feather = max(FEATHER * unit, 1.0)
    work = np.minimum.outer(*(_rim(int(length), feather * scale) for length in size[::-1]))
    mask = _averaged((255 * work).astype(np.uint8), scale, to_photo, box)
    rims = np.minimum.outer(_rim(box.height, feather), _rim(box.width, feather))
    faded: NDArray[np.uint8] = np.minimum(mask, 255 * rims).astype(np.uint8)
    return faded


def _rim(length: int, feather: float) -> NDArray[np.float64]:
    """Return 1 along a side but for its ends, where it falls to 0 smoothly."""
    place = np.arange(length)
    inside = np.clip(np.minimum(place, length - 1 - place) / feather, 0.0, 1.0)
    rim: NDArray[np.float64] = inside * inside * (3 - 2 * inside)
    return rim


def _averaged(work: Pixels, scale: int, to_photo: NDArray[np.float64], box: FaceBox) -> Pixels:
    """Return working pixels brought over the photo pixels of `box`, each the mean of the area it covers."""
    anchor = scale // 2
    to_box = to_photo.copy()
    to_box[:, 2] -= (box.left, box.top)
    to_box[:, 2] -= to_box[:, :2] @ np.full(2, anchor - (scale - 1) / 2)  # where an even kernel has its middle
    mean = cv2.blur(work, (scale, scale), anchor=(anchor, anchor)).astype(np.uint8, copy=False)
    return moved(mean, to_box, (box.width, box.height))
