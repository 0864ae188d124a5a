"""Looks: what is measured of a face before it is used."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.faces.crop import face_box
from deployments.faces.landmarks import Landmarks
from deployments.faces.pose import mouth_gap, pose_of
from deployments.inspection import FaceLook
from deployments.media import Photo, Pixels

MOUTH_OPEN = 0.1
"""Gap between the lips by the mouth's width: 0.15 to 0.21 in a smile with teeth, 0.03 to 0.07 with closed lips."""

_SEEN_PX = 96
"""Side at which a face's sharpness is judged: what Wav2Lip looks at, and makes."""

_DARKEST, _BRIGHTEST = 5, 95
"""Percentiles of luma: glints and hair do not count, and dark skin in good light has its highlights."""


def look_at(pixels: Pixels, sent: Photo, landmarks: Landmarks, confidence: float) -> FaceLook:
    """Return what is seen of a face with those landmarks in the picture as it was sent.

    `pixels` are those under its box, in any size and direction.
    """
    box = face_box(landmarks)
    luma = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    dark, bright = np.percentile(luma, (_DARKEST, _BRIGHTEST)) / 255
    return FaceLook(
        box=box.within(sent.width, sent.height),
        size_px=min(box.width, box.height),
        confidence=round(confidence, 3),
        pose=pose_of(landmarks),
        mouth_open=mouth_gap(landmarks) > MOUTH_OPEN,
        sharpness=round(sharpness(luma), 3),
        brightness=round(float(bright), 2),
        contrast=round(float(bright - dark), 2),
    )


def sharpness(luma: NDArray[np.uint8]) -> float:
    """Return how much of a face is fine detail: the variance of its Laplacian by its own, seen at 96 by 96 pixels.

    J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000; divided by the variance, which
    makes it independent of light and contrast.
    """
    shrinks = min(luma.shape) > _SEEN_PX
    seen = cv2.resize(luma, (_SEEN_PX, _SEEN_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return min(1.0, float(cv2.Laplacian(seen, cv2.CV_32F).var() / max(1.0, seen.var())))
