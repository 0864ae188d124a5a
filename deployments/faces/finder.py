"""The face finder: a picture file to the face that will speak, and all that the next stages need of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from deployments.errors import NoFace
from deployments.faces.crop import WAV2LIP_PADS, Pads, crop_face, face_box
from deployments.faces.detector import Detection, FaceDetector, tiles, whole
from deployments.faces.landmarks import FaceMesh, upright
from deployments.faces.photo import MAX_BYTES, MAX_PIXELS, content_type, decode_photo, scaled
from deployments.faces.region import Region
from deployments.media import Face, FaceBox, FaceTrack, Photo

MIN_CONFIDENCE = 0.8
"""Of the mesh: on 100 LFW pictures it let 99 faces through and nothing else."""

SAME_FACE = 0.5
"""Part of a box from which, when covered by another face's, it is the same face."""

_REFITS = 2
"""From a jittered start, landmarks end 0.61 px apart without refits, 0.35 px with one, 0.22 px with two."""

_QUARTER_TURNS = (0, 1, 3, 2)
"""Counter-clockwise: as it is, then the two ways a phone is held sideways, then upside down."""


class FaceFinder:
    """Finds faces in pictures. Built once, used from any thread; the first call of a thread loads the models."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS, max_side_px: int = 1280) -> None:
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._max_side_px = max_side_px
        self._detector = FaceDetector()
        self._mesh = FaceMesh()

    def find(self, photo: Photo, every: bool = False) -> list[Face]:
        """Return the upright faces in `photo`, largest first.

        Faces narrower than about 1/17 of the longer side are searched only where there are no larger ones,
        or where `every` face is wanted (0.4 s more).
        """
        faces = self._with([], photo, whole(photo.width, photo.height))
        if every or not faces:
            faces = self._with(faces, photo, tiles(photo.width, photo.height))
        return faces

    def inspect(self, data: bytes) -> dict[str, Any]:
        """Return `content_type`, `width` and `height` of the upright picture and `faces`, every face's box in it.

        The boxes come in the order in which `track` counts them. Raises as `track` does.
        """
        photo, faces = self._turned(self._decode(data), every=True)
        return {
            "content_type": content_type(data),
            "width": photo.width,
            "height": photo.height,
            "faces": [face.box for face in faces],
        }

    def track(self, data: bytes, *, face_index: int | None = None, pads: Pads = WAV2LIP_PADS) -> FaceTrack:
        """Return the photo in `data` as the video will show it, and the face in it that speaks.

        Faces are found at full resolution; then the photo is shrunk to `max_side_px`. A photo whose faces
        lie on their side or on their head is turned. `face_index` counts from 0, largest face first; None is
        the largest.

        Raises `UnreadableImage` and `ImageTooLarge` as `decode_photo` does, and `NoFace` where there is no
        face or not the one that was asked for.
        """
        photo, faces = self._turned(self._decode(data), every=face_index is not None)
        index = face_index or 0
        if not 0 <= index < len(faces):
            raise NoFace(
                f"The picture has {len(faces)} face(s), counted from 0, largest first; ask for 0 to {len(faces) - 1}.",
                {"faces": len(faces), "face_index": index},
            )
        shown = scaled(photo, self._max_side_px)
        face = _resized(faces[index], shown, shown.width / photo.width)
        return FaceTrack(shown, face, crop_face(shown, face, pads))

    def _decode(self, data: bytes) -> Photo:
        return decode_photo(data, self._max_bytes, self._max_pixels)

    def _turned(self, photo: Photo, every: bool) -> tuple[Photo, list[Face]]:
        """Return the photo in the first of four directions that shows upright faces, and those faces."""
        for turns in _QUARTER_TURNS:
            turned = Photo(np.ascontiguousarray(np.rot90(photo.rgb, turns)))
            if faces := self.find(turned, every):
                return turned, faces
        raise NoFace("No face was found; send a picture with a face seen from the front, well lit.", {"faces": 0})

    def _with(self, faces: list[Face], photo: Photo, regions: list[Region]) -> list[Face]:
        """Return `faces` and what more there is in these regions of the photo, largest first."""
        detections = self._detector.detect(photo.rgb, regions)
        found = [face for detection in detections if (face := self._fit(photo, detection))]
        distinct = list(faces)
        for face in sorted(found, key=_size, reverse=True):
            if not any(_same(face.box, other.box) for other in distinct):
                distinct.append(face)
        return sorted(distinct, key=_size, reverse=True)

    def _fit(self, photo: Photo, detection: Detection) -> Face | None:
        """Return the face at a detection, or None where the mesh finds none, or one that is not upright."""
        landmarks, confidence = self._mesh.fit(photo.rgb, detection.region)
        for _ in range(_REFITS):
            landmarks, confidence = self._mesh.refit(photo.rgb, landmarks)
        if confidence <= MIN_CONFIDENCE or not upright(landmarks):
            return None
        return Face(face_box(landmarks).within(photo.width, photo.height), landmarks, confidence)


def _size(face: Face) -> int:
    return face.box.width * face.box.height


def _same(box: FaceBox, larger: FaceBox) -> bool:
    """Say whether a box lies on a face already found: a tile may show a face cut, as a smaller one."""
    width = min(box.right, larger.right) - max(box.left, larger.left)
    height = min(box.bottom, larger.bottom) - max(box.top, larger.top)
    return max(0, width) * max(0, height) > SAME_FACE * box.width * box.height


def _resized(face: Face, shown: Photo, scale: float) -> Face:
    landmarks = face.landmarks * np.float32(scale)
    return Face(face_box(landmarks).within(shown.width, shown.height), landmarks, face.confidence)
