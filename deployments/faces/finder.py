"""The face finder: the bytes of a photo or a clip to the face in it that will speak, and all the next stages need."""

from __future__ import annotations

import sys
from dataclasses import astuple, replace
from itertools import islice
from typing import Any

import numpy as np

from deployments.boxes import clip_type
from deployments.errors import NoFace
from deployments.faces.clip import track_clip
from deployments.faces.crop import NO_PADS, crop_face, inside
from deployments.faces.follow import SEARCH_S, frames_in
from deployments.faces.photo import MAX_BYTES, MAX_PIXELS, content_type, decode_photo, scaled
from deployments.faces.search import FaceSearch, chosen
from deployments.footage import ClipLimits, Footage, shaped
from deployments.media import ClipTrack, Edges, Face, FaceBox, FaceTrack, Photo, SourceOptions

AS_IT_IS = SourceOptions()
CLIP_LIMITS = ClipLimits()

INSPECTED_S = 2.0
"""How much of a clip's beginning is looked at for its faces."""

_FULL_SIZE_PX = sys.maxsize

_QUARTER_TURNS = (0, 1, 3, 2)
"""Counter-clockwise: as it is, then the two ways a phone is held sideways, then upside down."""


class FaceFinder:
    """Finds the face that speaks. Built once, used from any thread; the first call of a thread loads the models.

    The video's longer side is `max_side_px` at most, its rate `photo_fps` where the source is a photo and the
    caller asks for no other.
    """

    def __init__(
        self,
        max_bytes: int = MAX_BYTES,
        max_pixels: int = MAX_PIXELS,
        max_side_px: int = 1280,
        photo_fps: float = 25.0,
        limits: ClipLimits = CLIP_LIMITS,
    ) -> None:
        self.max_side_px = max_side_px
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._photo_fps = photo_fps
        self._limits = limits
        self._search = FaceSearch()

    def inspect(self, data: bytes) -> dict[str, Any]:
        """Return `content_type`, `width` and `height` of the upright picture and `faces`, every face's box in it.

        Of a clip, these are the faces of its first frame that has any, within two seconds. The boxes come in the
        order in which `track` counts them, in the pixels in which it takes a `box`. Raises as `track` does.
        """
        kind = clip_type(data)
        photo, faces = self._turned(self._decode(data), every=True) if kind is None else self._first_faces(data)
        return {
            "content_type": kind or content_type(data),
            "width": photo.width,
            "height": photo.height,
            "faces": [face.box for face in faces],
        }

    def track(self, data: bytes, options: SourceOptions = AS_IT_IS) -> FaceTrack | ClipTrack:
        """Return the photo or clip in `data` as the video will show it, and the face in it that speaks.

        A photo's faces are found at full resolution; then it is shrunk to `max_side_px`, and padded there. A photo
        whose faces lie on their side or on their head is turned. A clip is shrunk first. `static` makes a photo of
        a clip's first frame, at the clip's own rate, as in the published code; a given box gets no pads, as there.

        Raises `UnreadableImage` and `ImageTooLarge` as `decode_photo` does, `UnreadableClip` and `ClipTooLarge` as
        `Footage` does, `InvalidRequest` where `crop`, `box` or `pads` leave nothing of the picture, and `NoFace`
        where there is no face or not the one that was asked for.
        """
        if clip_type(data) is None:
            photo = Photo(shaped(self._decode(data).rgb, options))
            return self._in_photo(photo, options, options.fps or self._photo_fps)
        if options.static:
            with self._footage(data, options, _FULL_SIZE_PX) as footage:
                return self._in_photo(Photo(next(footage.frames())), options, footage.fps)
        with self._footage(data, options, self.max_side_px) as footage:
            box = options.box and _scaled(_face_box(options.box), footage.width / self._full_width(data, options))
            return track_clip(self._search, footage, options, box)

    def _decode(self, data: bytes) -> Photo:
        return decode_photo(data, self._max_bytes, self._max_pixels)

    def _footage(self, data: bytes, options: SourceOptions, max_side_px: int) -> Footage:
        return Footage(data, options, max_side_px, self._limits)

    def _full_width(self, data: bytes, options: SourceOptions) -> int:
        with self._footage(data, options, _FULL_SIZE_PX) as footage:
            return int(footage.width)

    def _in_photo(self, photo: Photo, options: SourceOptions, fps: float) -> FaceTrack:
        if options.box is None:
            photo, faces = self._turned(photo, every=options.face_index is not None)
            face, pads = chosen(faces, options.face_index), options.pads
        else:
            face, pads = self._given(photo, _face_box(options.box)), NO_PADS
        shown = scaled(photo, self.max_side_px)
        face = _shrunk(face, shown.width / photo.width)
        return FaceTrack(shown, face, crop_face(shown, face, pads), fps)

    def _given(self, photo: Photo, box: FaceBox) -> Face:
        """Return the face that a given box holds, in that box; without landmarks where the mesh finds none."""
        box = inside(box, photo.width, photo.height)
        face = self._search.fit_in(photo, box)
        return replace(face, box=box) if face else Face(box, None, 0.0)

    def _turned(self, photo: Photo, every: bool) -> tuple[Photo, list[Face]]:
        """Return the photo in the first of four directions that shows upright faces, and those faces."""
        for turns in _QUARTER_TURNS:
            turned = Photo(np.ascontiguousarray(np.rot90(photo.rgb, turns)))
            if faces := self._search.find(turned, every):
                return turned, faces
        raise NoFace("No face was found; send a picture with a face seen from the front, well lit.", {"faces": 0})

    def _first_faces(self, data: bytes) -> tuple[Photo, list[Face]]:
        """Return the first frame in a clip's beginning that shows faces, at full size, and all of them."""
        with self._footage(data, AS_IT_IS, _FULL_SIZE_PX) as footage:
            step = frames_in(SEARCH_S, footage.fps)
            for rgb in islice(footage.frames(), 0, frames_in(INSPECTED_S, footage.fps), step):
                if faces := self._search.find(Photo(rgb), every=True):
                    return Photo(rgb), faces
        raise NoFace("The clip's first two seconds show no face; send one that begins with a face.", {"faces": 0})


def _face_box(edges: Edges) -> FaceBox:
    top, bottom, left, right = edges
    return FaceBox(left, top, right, bottom)


def _scaled(box: FaceBox, scale: float) -> FaceBox:
    return FaceBox(*(round(edge * scale) for edge in astuple(box)))


def _shrunk(face: Face, scale: float) -> Face:
    landmarks = None if face.landmarks is None else face.landmarks * np.float32(scale)
    return Face(_scaled(face.box, scale), landmarks, face.confidence)
