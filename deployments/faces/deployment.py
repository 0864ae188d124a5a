"""The faces stage as a Serve deployment."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ray import serve

from deployments.faces.cache import TrackCache
from deployments.faces.finder import FaceFinder
from deployments.inspection import Inspection
from deployments.logs import name_videos
from deployments.media import ClipTrack, FaceTrack, SourceOptions
from deployments.priority import give_way

T = TypeVar("T")

THREADS = 2


@serve.deployment
class FacesStage:
    """Finds faces, in a few threads: each holds networks of its own. Tracks are kept, those of clips in a folder."""

    def __init__(self, make_finder: Callable[[], FaceFinder], cache_folder: Path, keep_s: float) -> None:
        name_videos()
        give_way()
        self._finder = make_finder()
        self._tracks = TrackCache(cache_folder, keep_s)
        self._threads = ThreadPoolExecutor(THREADS)

    async def inspect(self, image: bytes) -> dict[str, Any]:
        """Content type, size in pixels and face boxes of a photo or clip. Raises as `FaceFinder.inspect` does."""
        return await self._run(self._finder.inspect, image)

    async def check(self, image: bytes) -> Inspection:
        """What a photo or clip would do as a poster. Raises as `FaceFinder.check` does."""
        return await self._run(self._finder.check, image)

    async def track(self, image: bytes, options: SourceOptions) -> FaceTrack | ClipTrack:
        """The photo or clip and the face that speaks. Raises as `FaceFinder.track` does."""
        return await self._run(self._tracks.track, self._finder, image, options)

    async def forget(self, sha256: str) -> None:
        """Forget where faces are in the clip or photo with that digest. Other replicas forget it in their time."""
        await self._run(self._tracks.forget, sha256)

    def check_health(self) -> None:
        """Serve asks every few seconds: photos whose time is over leave the memory then."""
        self._tracks.expire()

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
