"""The pose of a head and how far its mouth is open, from the points of its face mesh."""

from __future__ import annotations

import math

import numpy as np

from deployments.faces.landmarks import LEFT_EYE, LIPS_MIDDLE, RIGHT_EYE, Landmarks
from deployments.inspection import Pose

_PAIRS = ((LEFT_EYE, RIGHT_EYE), (234, 454), (61, 291))
"""Points that mirror each other in a face: corners of the eyes, before the ears, corners of the mouth; left first."""

_FOREHEAD, _CHIN = 10, 152
"""In MediaPipe's canonical face they lie above each other, to 0.7 degrees."""

_LEVEL_DEG = 9.0
"""How far the chin is behind the forehead in the mesh of a head that looks straight ahead: 9.4, 9.1 on the samples."""

_MOUTH_CORNERS = 78, 308
"""Where the lips' inner edges meet."""


def pose_of(landmarks: Landmarks) -> Pose:
    """Return the pose of the face with those landmarks (468, 3).

    The head's own axes are measured in the mesh: across it along three pairs of mirrored points, down from the
    forehead to the chin. They are the columns of roll(z) yaw(y) pitch(x), from which the angles are read; so turning
    the picture adds to the roll alone, and mirroring it changes the signs of yaw and roll alone. The mesh understates
    how far a head is turned: two heads turned in 3-D by 20, 30 and 50 degrees measured 13-15, 18-21 and 28-36.
    """
    across = _unit(np.sum([_unit(landmarks[right] - landmarks[left]) for left, right in _PAIRS], axis=0))
    down = landmarks[_CHIN] - landmarks[_FOREHEAD]
    down = _unit(down - across * (down @ across))
    yaw = math.asin(float(np.clip(across[2], -1, 1)))
    pitch = math.atan2(float(down[2]), float(np.cross(across, down)[2]))
    roll = math.atan2(float(across[1]), float(across[0]))
    yaw_deg, pitch_deg, roll_deg = (math.degrees(angle) for angle in (yaw, pitch, roll))
    return Pose(round(yaw_deg, 1), round(_LEVEL_DEG - pitch_deg, 1), round(roll_deg, 1))


def mouth_gap(landmarks: Landmarks) -> float:
    """Return the gap between the lips by the mouth's width: 0 where they are closed, about 1 in a yawn."""
    upper, lower = landmarks[list(LIPS_MIDDLE)]
    left, right = landmarks[list(_MOUTH_CORNERS)]
    return float(np.linalg.norm(lower - upper) / np.linalg.norm(right - left))


def _unit(vector: Landmarks) -> Landmarks:
    return vector / np.linalg.norm(vector)
