"""Regions: the turned square of a photo that a face network looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.media import Pixels

Points = NDArray[np.float32]

_MAX_OVERSAMPLING = 8


@dataclass(frozen=True)
class Region:
    """A square around (`center_x`, `center_y`), `side` photo pixels long, turned clockwise by `roll_rad`."""

    center_x: float
    center_y: float
    side: float
    roll_rad: float = 0.0

    @staticmethod
    def around(points: Points, left_eye: Points, right_eye: Points) -> Region:
        """Return the region for a face mesh: MediaPipe's, 1.5 times the box of `points`, with level eyes.

        `points` is (n, 2); the left eye is the one at the left of an upright picture.
        """
        low, high = points.min(axis=0), points.max(axis=0)
        center, (across, down) = (low + high) / 2, right_eye - left_eye
        return Region(float(center[0]), float(center[1]), 1.5 * float(max(high - low)), math.atan2(down, across))

    def view(self, rgb: Pixels, size_px: int) -> Pixels:
        """Return this region of `rgb` as (size_px, size_px, 3); black where it reaches outside the photo.

        Where that shrinks the photo, it is sampled finer and then averaged over areas, so nothing flickers
        and no detail turns into false edges.
        """
        finer = min(_MAX_OVERSAMPLING, max(1, math.ceil(self.side / size_px)))
        size = size_px * finer
        to_photo = self._matrix(size)
        to_photo[:, 2] += to_photo[:, :2].sum(axis=1) / 2 - 0.5  # cv2 counts from pixel centres, we from corners
        square = cv2.warpAffine(rgb, to_photo, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        if finer > 1:
            square = cv2.resize(square, (size_px, size_px), interpolation=cv2.INTER_AREA)
        return np.asarray(square, dtype=np.uint8)

    def to_photo(self, points: Points, size_px: int) -> Points:
        """Return (n, 2) points of a `size_px` view as photo pixels."""
        matrix = self._matrix(size_px)
        return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)

    def _matrix(self, size_px: int) -> NDArray[np.float64]:
        """Return the (2, 3) affine map from a `size_px` view to the photo."""
        scale = self.side / size_px
        turn = scale * np.array(
            [[math.cos(self.roll_rad), -math.sin(self.roll_rad)], [math.sin(self.roll_rad), math.cos(self.roll_rad)]]
        )
        shift = np.array([self.center_x, self.center_y]) - turn @ np.full(2, size_px / 2)
        return np.column_stack([turn, shift])
