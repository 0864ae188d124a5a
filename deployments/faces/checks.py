"""Checks: what a photo or a clip would do as a poster."""

from __future__ import annotations

from collections.abc import Sequence

from deployments.faces.directions import as_sent, upright_faces
from deployments.faces.follow import SEARCH_S, frames_in
from deployments.faces.looks import look_at
from deployments.faces.problems import problems_of
from deployments.faces.search import FaceSearch
from deployments.footage import Footage, shrunk
from deployments.inspection import Inspection
from deployments.media import Face, Photo

CHECKED_PX = 1280
"""Longer side at which a photo is looked at: in one of 12 megapixels every face is found 0.3 s sooner."""

CHECKED_S = 2.0
"""How much of a clip's beginning is looked at for its faces."""


def check_photo(search: FaceSearch, photo: Photo, content_type: str, max_side_px: int) -> Inspection:
    """Return what is in an upright photo; the video's longer side will be `max_side_px` at most."""
    shown, faces, quarters = upright_faces(search, Photo(shrunk(photo.rgb, CHECKED_PX)), every=True)
    return _inspection(content_type, photo, shown, quarters, faces, max_side_px)


def check_clip(search: FaceSearch, footage: Footage, content_type: str, max_side_px: int) -> Inspection:
    """Return what is in the first frame of a clip that shows faces, of those looked at in its first two seconds.

    Small faces are looked for in the very first frame, and beside a larger one.
    """
    stop = min(footage.count, frames_in(CHECKED_S, footage.fps))
    for index, rgb in enumerate(footage.play(range(0, stop, frames_in(SEARCH_S, footage.fps)))):
        photo = Photo(rgb)
        faces = search.large(photo)
        if faces or index == 0:
            faces = search.with_small(photo, faces)
        if faces:
            break
    return _inspection(content_type, photo, photo, 0, faces, max_side_px)


def _inspection(
    content_type: str, sent: Photo, shown: Photo, quarters: int, faces: Sequence[Face], max_side_px: int
) -> Inspection:
    """Put together what was found in `shown`, which is `sent` scaled and then turned by those quarters."""
    landmarks = [as_sent(face.landmarks, shown, quarters, sent) for face in faces if face.landmarks is not None]
    looks = tuple(
        look_at(face.box.cut(shown.rgb), sent, points, face.confidence)
        for face, points in zip(faces, landmarks, strict=True)
    )
    problems = problems_of(looks, landmarks, sent.width, sent.height, max_side_px)
    return Inspection(content_type, sent.width, sent.height, looks, problems)
