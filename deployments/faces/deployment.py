"""The faces stage as a Serve deployment."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from ray import serve

from deployments.faces.finder import FaceFinder
from deployments.media import FaceTrack

T = TypeVar("T")

THREADS = 2


@serve.deployment
class FacesStage:
    """Finds faces, in a few threads: each holds networks of its own."""

    def __init__(self, make_finder: Callable[[], FaceFinder]) -> None:
        self._finder = make_finder()
        self._threads = ThreadPoolExecutor(THREADS)

    async def inspect(self, image: bytes) -> dict[str, Any]:
        """Content type, size in pixels and face boxes of a picture. Raises as `track` does."""
        return await self._run(self._finder.inspect, image)

    async def track(self, image: bytes, face_index: int | None) -> FaceTrack:
        """The photo and the face that speaks. Raises `UnreadableImage`, `ImageTooLarge`, `NoFace`."""
        return await self._run(partial(self._finder.track, image, face_index=face_index))

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
