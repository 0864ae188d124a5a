"""The search for faces in one picture: detector and mesh together, so that only upright, sure faces come back."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deployments.faces.crop import face_box
from deployments.faces.detector import FaceDetector, tiles, whole
from deployments.faces.landmarks import FaceMesh, Landmarks, upright
from deployments.faces.region import Region
from deployments.media import Face, FaceBox, Photo

MIN_CONFIDENCE = 0.8
"""Of the mesh: on 100 LFW pictures it let 99 faces through and nothing else."""

MIN_FACE_PX = 8
"""Sides of what is seen of the smallest face worth animating."""

SAME_FACE = 0.5
"""Part of a box from which, when covered by another face's, it is the same face."""

JUMP = 0.25
"""From that far `apart` from the frame before, a face was not found again: another scene draws the mesh to its face."""

NEAR = 0.5
"""Up to that far `apart`, the detector's face is the mesh's, and a face is the one of a given box."""

_REFITS = 2
"""From a jittered start, landmarks end 0.61 px apart without refits, 0.35 px with one, 0.22 px with two."""

_MESH_VIEW = 1.5
"""MediaPipe's: the side of the square a mesh looks at, in sides of the face's box."""


class FaceSearch:
    """Finds faces in pictures. Built once, used from any thread; the first call of a thread loads the models."""

    def __init__(self) -> None:
        self._detector = FaceDetector()
        self._mesh = FaceMesh()

    def large(self, photo: Photo) -> list[Face]:
        """Return the upright faces in `photo` that are wider than about 1/17 of its longer side, largest first."""
        return self.find_in(photo, whole(photo.width, photo.height))

    def with_small(self, photo: Photo, known: Sequence[Face]) -> list[Face]:
        """Return the `known` faces and the smaller ones, down to about 1/70 of the longer side (0.3 s)."""
        return self.find_in(photo, tiles(photo.width, photo.height), known)

    def find_in(self, photo: Photo, regions: Sequence[Region], known: Sequence[Face] = ()) -> list[Face]:
        """Return the `known` faces and what more there is in these regions of the photo, largest first."""
        detections = self._detector.detect(photo.rgb, regions)
        found = [face for detection in detections if (face := self._fit(photo, detection.region))]
        distinct = list(known)
        for face in sorted(found, key=_size, reverse=True):
            if not any(_same(face.box, other.box) for other in distinct):
                distinct.append(face)
        return sorted(distinct, key=_size, reverse=True)

    def follow(self, photo: Photo, face: Face) -> Face | None:
        """Return what became of that face since the frame before; None where it has gone or the mesh jumps."""
        if face.landmarks is None:
            return None
        now = _accepted(photo, *self._mesh.refit(photo.rgb, face.landmarks))
        return now if now and apart(now.box, face.box) < JUMP else None

    def fit_in(self, photo: Photo, box: FaceBox) -> Face | None:
        """Return the face that a box holds, without detection, or None where the mesh finds none there."""
        region = Region((box.left + box.right) / 2, (box.top + box.bottom) / 2, _MESH_VIEW * max(box.width, box.height))
        face = self._fit(photo, region)
        settled = self.follow(photo, face) if face else None  # a mesh on its way to a face beside the box is none
        return settled if settled and apart(settled.box, box) < NEAR else None

    def _fit(self, photo: Photo, region: Region) -> Face | None:
        landmarks, confidence = self._mesh.fit(photo.rgb, region)
        for _ in range(_REFITS):
            landmarks, confidence = self._mesh.refit(photo.rgb, landmarks)
        return _accepted(photo, landmarks, confidence)


def apart(box: FaceBox, other: FaceBox) -> float:
    """Return how far two boxes differ in place (in sides of a face) and in size (in powers of e)."""
    side, other_side = math.sqrt(box.width * box.height), math.sqrt(other.width * other.height)
    across, down = box.left + box.right - other.left - other.right, box.top + box.bottom - other.top - other.bottom
    return math.hypot(across, down) / (side + other_side) + abs(math.log(side / other_side))


def _accepted(photo: Photo, landmarks: Landmarks, confidence: float) -> Face | None:
    """Return the face with those landmarks, unless it is none, not upright or out of the picture."""
    box = face_box(landmarks).within(photo.width, photo.height)
    if confidence <= MIN_CONFIDENCE or not upright(landmarks) or min(box.width, box.height) < MIN_FACE_PX:
        return None
    return Face(box, landmarks, confidence)


def _size(face: Face) -> int:
    return face.box.width * face.box.height


def _same(box: FaceBox, larger: FaceBox) -> bool:
    """Say whether a box lies on a face already found: a tile may show a face cut, as a smaller one."""
    width = min(box.right, larger.right) - max(box.left, larger.left)
    height = min(box.bottom, larger.bottom) - max(box.top, larger.top)
    return max(0, width) * max(0, height) > SAME_FACE * box.width * box.height
