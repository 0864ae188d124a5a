"""Clips: from their frames to the face that speaks in each of them, without lag and without jitter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from deployments.errors import NoFace
from deployments.faces.choice import Choice
from deployments.faces.crop import face_box, inside
from deployments.faces.follow import Follower
from deployments.faces.landmarks import COUNT
from deployments.faces.search import JUMP, NEAR, FaceSearch, apart
from deployments.footage import Footage
from deployments.media import ClipTrack, Face, FaceBox, Photo, SourceOptions

REACH = 2
"""Frames before and after a frame that count for its smoothed face: five in all, as in the published code.

There all five lie ahead, so that its box runs before a moving head.
"""


def track_clip(search: FaceSearch, footage: Footage, options: SourceOptions, speaker: Choice | FaceBox) -> ClipTrack:
    """Return the face that speaks in each frame of `footage`: chosen, or in a box in the frames' own pixels.

    Raises `NoFace` where no frame has a face, or the first one that has some not the one that was asked for, and
    `InvalidRequest` where pads or the box leave nothing of the picture.
    """
    photos = map(Photo, footage.frames())
    box = None
    if isinstance(speaker, Choice):
        faces = list(map(Follower(search, footage.fps, speaker).follow, photos))
    else:
        box = inside(speaker, footage.width, footage.height)
        faces = list(_held(search, photos, box))
    found = np.array([face is not None or box is not None for face in faces], np.bool_)
    if not found.any():
        raise NoFace("No face was found in the clip; send one with a face seen from the front, well lit.", {"faces": 0})
    landmarks = _landmarks(faces) if options.nosmooth else smoothed(_landmarks(faces))
    boxes = np.zeros((len(faces), 4), np.int32)
    for row in np.flatnonzero(found):
        one = box or inside(face_box(landmarks[row]).padded(*options.pads), footage.width, footage.height)
        boxes[row] = astuple(one)
    return ClipTrack(options, footage.width, footage.height, footage.fps, boxes, landmarks, found)


def smoothed(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean over each frame and up to `REACH` frames on both its sides, (frames, 468, 3), NaN where NaN.

    Frames on the other side of a gap or of a jump do not count; nor those that have no counterpart there, so that
    the mean stays centred in time: a head that moves is not left behind.
    """
    result = landmarks.copy()
    for first, stop in _runs(landmarks):
        for row in range(first, stop):
            reach = min(REACH, row - first, stop - 1 - row)
            result[row] = landmarks[row - reach : row + reach + 1].mean(axis=0)
    return result


def _runs(landmarks: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Yield the first frame of each run of frames that show one face moving on, and the frame after its last."""
    first = None
    for row, points in enumerate(landmarks):
        known = not np.isnan(points[0, 0])
        if first is not None and not (known and apart(face_box(points), face_box(landmarks[row - 1])) < JUMP):
            yield first, row
            first = None
        if known and first is None:
            first = row
    if first is not None:
        yield first, len(landmarks)


def _held(search: FaceSearch, photos: Iterable[Photo], box: FaceBox) -> Iterator[Face | None]:
    """Yield the face that the mesh fits in `box`, frame by frame: where it was, or anywhere in it."""
    face = None
    for photo in photos:
        face = search.follow(photo, face) if face else None
        if face is None or apart(face.box, box) >= NEAR:
            face = search.fit_in(photo, box)
        yield face


def _landmarks(faces: list[Face | None]) -> NDArray[np.float32]:
    """Return (frames, 468, 3), NaN where there is no face."""
    unknown = np.full((COUNT, 3), np.nan, np.float32)
    return np.stack([unknown if face is None or face.landmarks is None else face.landmarks for face in faces])
