"""Crops: from face landmarks to the box Wav2Lip was trained on, and to what a lip-sync engine sees."""

from __future__ import annotations

import hashlib

import numpy as np

from deployments.errors import InvalidRequest
from deployments.faces.landmarks import Landmarks
from deployments.media import Edges, Face, FaceBox, FaceCrop, Photo, Pixels

NO_PADS: Edges = (0, 0, 0, 0)

MIN_BOX_PX = 4
"""Sides of the smallest box that can speak; a face that is found has more."""

ABOVE, BELOW, BESIDE = 0.06, 0.04, 0.055
"""What a WIDER FACE box has more than the box of the mesh, as fractions of the mesh's height and width.

The mesh ends in the middle of the forehead, on the chin's edge and before the ears; a WIDER FACE box ends at
the hairline, under the chin and at the ears. Fitted to the box of an S3FD detector on tests/assets/poster.png.
"""

SURROUNDINGS = 0.3
"""How far a crop's area reaches beyond its box on each side, as a fraction of the box's size."""


def face_box(landmarks: Landmarks) -> FaceBox:
    """Return the box of a face in the WIDER FACE convention (forehead to chin), not cut to the photo."""
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    width, height = high - low
    return FaceBox(
        left=round(float(low[0] - BESIDE * width)),
        top=round(float(low[1] - ABOVE * height)),
        right=round(float(high[0] + BESIDE * width)),
        bottom=round(float(high[1] + BELOW * height)),
    )


def inside(box: FaceBox, width: int, height: int) -> FaceBox:
    """Return `box` cut to a picture of that size. Raises `InvalidRequest` where that leaves hardly a pixel."""
    cut = box.within(width, height)
    if min(cut.width, cut.height) < MIN_BOX_PX:
        raise InvalidRequest(
            f"The face box has {max(0, cut.width)} by {max(0, cut.height)} pixels inside the picture, pads included; "
            f"give pads or a box that leave at least {MIN_BOX_PX} by {MIN_BOX_PX}.",
            {"width": cut.width, "height": cut.height},
        )
    return cut


def crop_face(photo: Photo, face: Face, pads: Edges) -> FaceCrop:
    """Return what a lip-sync engine sees of `photo`: the face's padded box and its surroundings, cut to it.

    Raises `InvalidRequest` where pads leave nothing of the box.
    """
    box = inside(face.box.padded(*pads), photo.width, photo.height)
    across, down = round(SURROUNDINGS * box.width), round(SURROUNDINGS * box.height)
    area = box.padded(down, down, across, across).within(photo.width, photo.height)
    rgb = np.ascontiguousarray(area.cut(photo.rgb))
    return FaceCrop(rgb, area, box, face.landmarks, _digest(rgb, area, box, face.landmarks))


def _digest(rgb: Pixels, area: FaceBox, box: FaceBox, landmarks: Landmarks | None) -> str:
    content = hashlib.sha256(repr((area, box)).encode())
    content.update(rgb.tobytes())
    if landmarks is not None:
        content.update(landmarks.tobytes())
    return content.hexdigest()
