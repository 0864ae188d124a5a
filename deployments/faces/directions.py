"""Directions: a photo whose faces lie on their side or on their head is turned, and its points are turned back."""

from __future__ import annotations

import numpy as np

from deployments.faces.choice import turned
from deployments.faces.landmarks import Landmarks
from deployments.faces.search import FaceSearch
from deployments.media import Face, Photo

SURE = 0.99999
"""Confidence from which a face is not looked for in other directions, and below which it is not believed there: upside
down, cuts of the sample posters show the mesh faces of 0.87 to 0.9999; upright ones measured 1.0000000, though blurred.
"""

_TURNED = (1, 3, 2)
"""Quarters counter-clockwise: the two ways a phone is held sideways, then upside down."""

Look = tuple[Photo, list[Face], int]


def upright_faces(search: FaceSearch, photo: Photo, every: bool) -> Look:
    """Return the photo in the direction that shows the surest upright face, its faces, and the quarters it was turned.

    In other directions than its own a face has to be sure, and wider than about 1/17 of the longer side. Without any
    face: the photo as it is, none, 0.
    """
    looks = [_look(search, photo, 0)]
    if _sureness(looks[0]) < SURE:
        looks += [look for quarters in _TURNED if _sureness(look := _look(search, photo, quarters)) >= SURE]
    best, faces, quarters = max(looks, key=_sureness)
    return best, search.with_small(best, faces) if every or not faces else faces, quarters


def as_sent(landmarks: Landmarks, shown: Photo, quarters: int, sent: Photo) -> Landmarks:
    """Return landmarks (468, 3) of a photo that was turned by those quarters, and scaled, in the one that was sent."""
    across, down = turned(landmarks[:, 0] / shown.width, landmarks[:, 1] / shown.height, -quarters)
    scale = max(sent.width, sent.height) / max(shown.width, shown.height)
    return np.column_stack([across * sent.width, down * sent.height, landmarks[:, 2] * scale]).astype(np.float32)


def _look(search: FaceSearch, photo: Photo, quarters: int) -> Look:
    turned = Photo(np.ascontiguousarray(np.rot90(photo.rgb, quarters)))
    return turned, search.large(turned), quarters


def _sureness(look: Look) -> float:
    return max((face.confidence for face in look[1]), default=0.0)
