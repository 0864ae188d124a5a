"""The face that speaks, from frame to frame of a clip: refit where it was, and looked for where it was lost."""

from __future__ import annotations

from deployments.faces.choice import Choice
from deployments.faces.detector import whole
from deployments.faces.region import Region
from deployments.faces.search import NEAR, FaceSearch, apart
from deployments.media import Face, FaceBox, Photo

CHECK_S = 0.5
"""Between two looks of the detector at a face that the mesh follows: is it one still, and who else is there?

Alone, the mesh takes one in twenty random regions of pictures without a face for one.
"""

SEARCH_S = 0.2
"""Between two looks while there is no face: 45 ms each."""

CLOSE_SEARCH_S = 2.0
"""Between two looks at tiles, which show smaller faces, while there is no face: 170 ms each."""

_AROUND = 3.0
"""The detector also looks near the face itself, that many sides of it wide: it may be too small in the whole."""

_OTHER = 1.0
"""Up to that far `apart` from where another person was at the last look, a face is that person's."""


class Follower:
    """Follows one face through the frames of a clip at `fps`, which are shown to it in their order.

    The first is its `choice` among the faces of the first frame where a look finds some. Later it is the one that the
    mesh finds again where it was in the frame before. When it was lost, or is no face to the detector any more (a new
    scene), it is the nearest in place and size that is not one of the people beside it.
    """

    def __init__(self, search: FaceSearch, fps: float, choice: Choice) -> None:
        self._search = search
        self._fps = fps
        self._choice = choice
        self._frame = 0
        self._look_at = self._look_closely_at = 0
        self._last: Face | None = None
        self._seen = False
        self._others: list[FaceBox] = []

    def follow(self, photo: Photo) -> Face | None:
        """Return the face that speaks in the next frame, or None where it is not seen.

        Raises `NoFace` where the first frame with faces has not the one that was asked for.
        """
        face = self._search.follow(photo, self._last) if self._last and self._seen else None
        if self._frame >= self._look_at or (self._seen and face is None):
            face = self._look(photo, face)
            self._look_at = self._later(CHECK_S if face else SEARCH_S)
        self._frame += 1
        self._seen = face is not None
        self._last = face or self._last
        return face

    def _look(self, photo: Photo, followed: Face | None) -> Face | None:
        """Return the face that the detector says it is: the one that the mesh `followed`, or another in its place."""
        faces = self._faces(photo)
        if not faces:
            return None
        face = self._speaker(photo, faces, followed or self._last)
        self._others = [one.box for one in faces if one is not face]
        return followed if followed and face and apart(face.box, followed.box) < NEAR else face

    def _faces(self, photo: Photo) -> list[Face]:
        """Return the faces that the detector shows: in the whole picture, near the last face, now and then in tiles."""
        regions = whole(photo.width, photo.height)
        if self._last:
            box = self._last.box
            side = _AROUND * max(box.width, box.height)
            regions.append(Region((box.left + box.right) / 2, (box.top + box.bottom) / 2, side))
        faces = self._search.find_in(photo, regions)
        if not faces and self._frame >= self._look_closely_at:
            self._look_closely_at = self._later(CLOSE_SEARCH_S)
            faces = self._search.with_small(photo, [])
        return faces

    def _speaker(self, photo: Photo, faces: list[Face], last: Face | None) -> Face | None:
        if last is not None:
            return min(self._strangers(faces, last), key=lambda face: apart(face.box, last.box), default=None)
        if self._choice.of_all:
            faces = self._search.with_small(photo, faces)
        return self._choice.among(faces, photo.width, photo.height)

    def _strangers(self, faces: list[Face], last: Face) -> list[Face]:
        """Return the faces that are not one of the others: nearer to where one of them was than to `last`."""
        strangers = list(faces)
        for other in self._others:
            nearest = min(strangers, key=lambda one: apart(one.box, other), default=None)
            if nearest and apart(nearest.box, other) < min(_OTHER, apart(nearest.box, last.box)):
                strangers.remove(nearest)
        return strangers

    def _later(self, seconds: float) -> int:
        return self._frame + frames_in(seconds, self._fps)


def frames_in(seconds: float, fps: float) -> int:
    """Return how many frames that many seconds are, at least one."""
    return max(1, round(seconds * fps))
