"""The pictures that a video shows before a mouth is pasted: a photo again and again, or the frames of a clip."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, tee
from typing import Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.errors import StageFailed
from deployments.footage import Footage, playlist
from deployments.media import CLIP_FACE_PX, ClipFaces, ClipTrack, FaceBox, FaceTrack, Pixels


@dataclass(frozen=True, eq=False)
class Shot:
    """A run of pictures, (height, width, 3) each; `seen` is which of them show the face that speaks.

    `faces` are the faces seen, for the lip-sync stage: of a clip only, since a photo's is the same in every shot.
    """

    pictures: list[Pixels]
    seen: NDArray[np.bool_]
    faces: ClipFaces | None = None


class Shots(Protocol):
    """The pictures of a whole video, of that width and height; taken in order, released with the `with` block."""

    width: int
    height: int

    def take(self, count: int) -> Shot:
        """Return the next `count` pictures."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class PhotoShots:
    """One photo for the whole video."""

    def __init__(self, track: FaceTrack) -> None:
        self.width, self.height = track.photo.width, track.photo.height
        self._rgb = track.photo.rgb

    def take(self, count: int) -> Shot:
        """See `Shots`."""
        return Shot([self._rgb] * count, np.ones(count, np.bool_))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is held."""


class ClipShots:
    """A clip, decoded as it is shown, as often or as far as the video takes.

    Threads may take turns, and leave the `with` block while one decodes.
    """

    def __init__(self, track: ClipTrack, data: bytes) -> None:
        self.width, self.height = track.width, track.height
        self._track = track
        self._footage = Footage(data, track.options, max(track.width, track.height))
        self._order, played = tee(playlist(track.frames, track.options.extend))
        self._playing = self._footage.play(played)
        self._lock = threading.Lock()

    def take(self, count: int) -> Shot:
        """See `Shots`."""
        with self._lock:
            pictures = [*islice(self._playing, count)]
            order = np.fromiter(islice(self._order, len(pictures)), np.intp)
        if len(pictures) < count:
            raise StageFailed("The clip was given up while it was read.")
        seen = self._track.found[order]
        boxes = tuple(FaceBox(*map(int, box)) for box in self._track.boxes[order[seen]])
        faces = [_resized(box.cut(picture)) for box, picture in zip(boxes, _those(pictures, seen), strict=True)]
        if not faces:
            return Shot(pictures, seen)
        return Shot(pictures, seen, ClipFaces(np.stack(faces), boxes, self._track.landmarks[order[seen]]))

    def __enter__(self) -> Self:
        self._footage.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._playing = iter(())
            self._footage.__exit__(*exception)


def _those(pictures: list[Pixels], seen: NDArray[np.bool_]) -> Iterator[Pixels]:
    return (picture for picture, is_seen in zip(pictures, seen, strict=True) if is_seen)


def _resized(face: Pixels) -> Pixels:
    """Bilinear, as in the published code."""
    return np.asarray(cv2.resize(face, (CLIP_FACE_PX, CLIP_FACE_PX)), np.uint8)
