"""The face finder: the bytes of a photo or a clip to the face in it that will speak, and all the next stages need."""

from __future__ import annotations

import sys
from dataclasses import astuple, replace
from typing import Any

import numpy as np

from deployments.boxes import clip_type
from deployments.errors import ClipTooLarge, ImageTooLarge, NoFace
from deployments.faces.checks import check_clip, check_photo
from deployments.faces.choice import Choice
from deployments.faces.clip import track_clip
from deployments.faces.crop import NO_PADS, crop_face, inside
from deployments.faces.directions import upright_faces
from deployments.faces.photo import MAX_BYTES, MAX_PIXELS, content_type, decode_photo
from deployments.faces.problems import too_large
from deployments.faces.search import FaceSearch
from deployments.footage import ClipLimits, Footage, shaped, shrunk
from deployments.inspection import Inspection
from deployments.media import ClipTrack, Edges, Face, FaceBox, FaceTrack, Photo, SourceOptions

AS_IT_IS = SourceOptions()
CLIP_LIMITS = ClipLimits()

_FULL_SIZE_PX = sys.maxsize


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

    def check(self, data: bytes) -> Inspection:
        """Return what a photo or clip would do as a poster: every face in it, and what is wrong with it.

        Raises `UnreadableImage` and `UnreadableClip`; what is too large, or shows no face, is a problem in the answer.
        """
        try:
            return self._inspection(data)
        except (ImageTooLarge, ClipTooLarge) as error:
            return Inspection(_kind(data), None, None, (), (too_large(error),))

    def inspect(self, data: bytes) -> dict[str, Any]:
        """Return `content_type`, `width` and `height` of the upright picture and `faces`, the boxes that `check` finds.

        They come in the order in which `track` counts them. Raises as `track` does.
        """
        seen = self._inspection(data)
        if not seen.faces:
            raise NoFace(
                "No face was found; send a picture with a face seen from the front, well lit, or a clip whose first two"
                " seconds show one.",
                {"faces": 0},
            )
        boxes = [face.box for face in seen.faces]
        return {"content_type": seen.content_type, "width": seen.width, "height": seen.height, "faces": boxes}

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
            upright = self._decode(data)
            choice = Choice.of(options, upright.width, upright.height)
            return self._in_photo(Photo(shaped(upright.rgb, options)), options, choice, options.fps or self._photo_fps)
        choice = self._choice(data, options)
        if options.static:
            with self._footage(data, options, _FULL_SIZE_PX) as footage:
                return self._in_photo(Photo(next(footage.frames())), options, choice, footage.fps)
        with self._footage(data, options, self.max_side_px) as footage:
            full_width = self._full_size(data, options)[0] if options.box else 0
            box = options.box and _scaled(_face_box(options.box), footage.width / full_width)
            return track_clip(self._search, footage, options, box or choice)

    def _decode(self, data: bytes) -> Photo:
        return decode_photo(data, self._max_bytes, self._max_pixels)

    def _footage(self, data: bytes, options: SourceOptions, max_side_px: int) -> Footage:
        return Footage(data, options, max_side_px, self._limits)

    def _choice(self, data: bytes, options: SourceOptions) -> Choice:
        width, height = self._full_size(data, AS_IT_IS) if options.face_point else (0, 0)
        return Choice.of(options, width, height)

    def _full_size(self, data: bytes, options: SourceOptions) -> tuple[int, int]:
        with self._footage(data, options, _FULL_SIZE_PX) as footage:
            return footage.width, footage.height

    def _in_photo(self, photo: Photo, options: SourceOptions, choice: Choice, fps: float) -> FaceTrack:
        if options.box is None:
            photo, faces, quarters = upright_faces(self._search, photo, every=choice.of_all)
            if not faces:
                raise NoFace(
                    "No face was found; send a picture with a face seen from the front, well lit.", {"faces": 0}
                )
            face, pads = choice.turned(quarters).among(faces, photo.width, photo.height), options.pads
        else:
            face, pads = self._given(photo, _face_box(options.box)), NO_PADS
        shown = Photo(shrunk(photo.rgb, self.max_side_px).copy())  # a view would keep all of a large photo
        face = _shrunk(face, shown.width / photo.width)
        return FaceTrack(shown, face, crop_face(shown, face, pads), fps)

    def _given(self, photo: Photo, box: FaceBox) -> Face:
        """Return the face that a given box holds, in that box; without landmarks where the mesh finds none."""
        box = inside(box, photo.width, photo.height)
        face = self._search.fit_in(photo, box)
        return replace(face, box=box) if face else Face(box, None, 0.0)

    def _inspection(self, data: bytes) -> Inspection:
        if clip_type(data) is None:
            return check_photo(self._search, self._decode(data), _kind(data), self.max_side_px)
        with self._footage(data, AS_IT_IS, _FULL_SIZE_PX) as footage:
            return check_clip(self._search, footage, _kind(data), self.max_side_px)


def _kind(data: bytes) -> str:
    return clip_type(data) or content_type(data)


def _face_box(edges: Edges) -> FaceBox:
    top, bottom, left, right = edges
    return FaceBox(left, top, right, bottom)


def _scaled(box: FaceBox, scale: float) -> FaceBox:
    return FaceBox(*(round(edge * scale) for edge in astuple(box)))


def _shrunk(face: Face, scale: float) -> Face:
    landmarks = None if face.landmarks is None else face.landmarks * np.float32(scale)
    return Face(_scaled(face.box, scale), landmarks, face.confidence)
