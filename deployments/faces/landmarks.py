"""Face landmarks: MediaPipe's 468-point FaceMesh, fitted to one face.

Y. Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.faces.network import Network, sigmoid
from deployments.faces.region import Region
from deployments.media import Pixels

Landmarks = NDArray[np.float32]

SIZE_PX = 192
COUNT = 468

LEFT_EYE, RIGHT_EYE = 33, 263
"""Outer corners of the eyes; left is the left of the picture."""

LIPS_MIDDLE = 13, 14
"""Where the upper and the lower lip meet."""


class FaceMesh:
    """Fits the mesh. Thread-safe."""

    def __init__(self) -> None:
        self._network = Network("face_landmark.tflite")

    def fit(self, rgb: Pixels, region: Region) -> tuple[Landmarks, float]:
        """Return the landmarks (468, 3) of the face in that region of `rgb`, and how sure it is one, in [0, 1].

        x and y are photo pixels, z is in the same scale, smaller towards the viewer.
        """
        view = region.view(rgb, SIZE_PX).astype(np.float32) / np.float32(255)
        confidence, raw = self._network(view, ("conv2d_30", "conv2d_20"))
        points = raw.reshape(COUNT, 3)
        depth = points[:, 2:] * np.float32(region.side / SIZE_PX)
        return np.hstack([region.to_photo(points[:, :2], SIZE_PX), depth]), float(sigmoid(confidence).item())

    def refit(self, rgb: Pixels, landmarks: Landmarks) -> tuple[Landmarks, float]:
        """Return what `fit` does, looking where those landmarks are: of a first fit, or of the frame before."""
        return self.fit(rgb, region_of(landmarks))


def region_of(landmarks: Landmarks) -> Region:
    """Return the region a face mesh looks at to find these landmarks again."""
    points = landmarks[:, :2]
    return Region.around(points, points[LEFT_EYE], points[RIGHT_EYE])


def upright(landmarks: Landmarks) -> bool:
    """Say whether the eyes are above the mouth, with the face turned by less than 60 degrees.

    The mesh's own confidence does not tell: it can be 1.0 upside down.
    """
    eyes = landmarks[[LEFT_EYE, RIGHT_EYE], :2].mean(axis=0)
    across, down = landmarks[list(LIPS_MIDDLE), :2].mean(axis=0) - eyes
    return bool(down > np.hypot(across, down) / 2)
