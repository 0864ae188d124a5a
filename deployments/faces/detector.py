"""The face detector: BlazeFace (back camera), over the whole picture and over tiles of it.

V. Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019. Anchors and
decoding follow MediaPipe's face_detection_back_desktop_live.pbtxt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from deployments.faces.network import Network, sigmoid
from deployments.faces.region import Points, Region
from deployments.media import Pixels

SIZE_PX = 256
MIN_SCORE = 0.5
MAX_OVERLAP = 0.3
"""MediaPipe's thresholds: score of a face, and intersection over union of two that are the same."""

_STRIDES_AND_ANCHORS = ((16, 2), (32, 6))
"""Pixels between the cells of each feature map, and anchors in a cell."""

_TILES = 3
"""Tiles along the longer side. Measured: the whole picture shows faces down to 1/17 of it, tiles to 1/70."""

_MIN_TILE_PX = SIZE_PX
"""Tiles are never enlarged: fewer pixels than that hold no face worth animating."""


@dataclass(frozen=True, eq=False)
class Detection:
    """A face as BlazeFace sees it.

    `corners` is (2, 2), left top and right bottom; `keypoints` is (6, 2): left eye, right eye, nose tip,
    mouth, left ear, right ear. Left is the left of the picture; both are in photo pixels.
    """

    corners: Points
    keypoints: Points
    score: float

    @property
    def region(self) -> Region:
        """Where the face mesh should look."""
        return Region.around(self.corners, self.keypoints[0], self.keypoints[1])


class FaceDetector:
    """Finds faces that stand more or less upright. Thread-safe."""

    def __init__(self) -> None:
        self._network = Network("face_detection_back.tflite")
        self._anchors = _anchors()

    def detect(self, rgb: Pixels, regions: Sequence[Region]) -> list[Detection]:
        """Return the faces in those regions of `rgb` (height, width, 3), best first, each one once."""
        found = [face for region in regions for face in self._detect(rgb, region)]
        boxes = [(*low.tolist(), *(high - low).tolist()) for low, high in (face.corners for face in found)]
        keep = cv2.dnn.NMSBoxes(boxes, [face.score for face in found], MIN_SCORE, MAX_OVERLAP)
        return [found[index] for index in keep]

    def _detect(self, rgb: Pixels, region: Region) -> Iterator[Detection]:
        pixels = region.view(rgb, SIZE_PX).astype(np.float32) / 127.5 - 1
        scores, raw = self._network(pixels, ("classificators", "regressors"))
        scores = sigmoid(scores.reshape(-1))
        for index in np.flatnonzero(scores > MIN_SCORE):
            center_size_keypoints = raw.reshape(-1, 8, 2)[index]
            half = center_size_keypoints[1] / 2
            points = np.delete(center_size_keypoints, 1, axis=0) + self._anchors[index]
            points = region.to_photo(np.vstack([points[:1] - half, points[:1] + half, points[1:]]), SIZE_PX)
            yield Detection(points[:2], points[2:], float(scores[index]))


def whole(width: int, height: int) -> list[Region]:
    """Return the one region that holds the whole picture."""
    return [Region(width / 2, height / 2, max(width, height))]


def tiles(width: int, height: int) -> list[Region]:
    """Return overlapping squares that cover the picture, for faces too small to be seen in the whole.

    Neighbours share a quarter of their side or more, so a face that the whole picture hides lies uncut in one.
    """
    side = max(_MIN_TILE_PX, max(width, height) / _TILES)
    return [Region(x, y, side) for y in _centers(height, side) for x in _centers(width, side)]


def _centers(length: int, side: float) -> list[float]:
    if length <= side:
        return [length / 2]
    count = 1 + int(np.ceil((length - side) / (0.75 * side)))
    return [float(center) for center in np.linspace(side / 2, length - side / 2, count)]


def _anchors() -> Points:
    """Return (896, 2): the centre of each of the model's anchors, in its own pixels."""
    grids = []
    for stride, anchors in _STRIDES_AND_ANCHORS:
        centers = np.arange(stride / 2, SIZE_PX, stride, dtype=np.float32)
        y, x = np.meshgrid(centers, centers, indexing="ij")
        grids.append(np.repeat(np.column_stack([x.ravel(), y.ravel()]), anchors, axis=0))
    return np.concatenate(grids)
