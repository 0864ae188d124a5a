"""The faces stage as a Serve deployment."""

import asyncio
from collections.abc import Callable
from typing import Any

from ray import serve

from deployments.faces.finder import FaceFinder
from deployments.media import FaceTrack


@serve.deployment
class FacesStage:
    """Finds faces, in threads."""

    def __init__(self, make_finder: Callable[[], FaceFinder]) -> None:
        self._finder = make_finder()

    async def inspect(self, image: bytes) -> dict[str, Any]:
        """Content type, size in pixels and face boxes of a picture. Raises as `track` does."""
        return await asyncio.to_thread(self._finder.inspect, image)

    async def track(self, image: bytes, face_index: int | None) -> FaceTrack:
        """The photo and the face that speaks. Raises `UnreadableImage`, `ImageTooLarge`, `NoFace`."""
        return await asyncio.to_thread(self._finder.track, image, face_index=face_index)
