"""The storage stage as a Serve deployment."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ray import serve

from deployments.errors import StorageUnavailable
from deployments.logs import name_videos
from deployments.storage.store import ObjectMissing, Store, StoredObject

T = TypeVar("T")

THREADS = 16

GIVE_UP_AFTER_S = 300.0
"""How long a replica goes without an answer of its store before it asks to be replaced. `/readyz` tells of an outage at
once; a replica cannot mend it, but in the end its own connections may be what is broken."""


@serve.deployment
class StorageStage:
    """Objects by key. The store's calls block, so each runs in a thread of its own pool: Serve's has five."""

    def __init__(self, make_store: Callable[[], Store]) -> None:
        name_videos()
        self._store = make_store()
        self._threads = ThreadPoolExecutor(THREADS)
        self._answered_s = time.monotonic()

    async def check_health(self) -> None:
        """Raise `StorageUnavailable` where the store has not answered for GIVE_UP_AFTER_S: Serve then replaces it."""
        try:
            await self.check()
        except StorageUnavailable:
            if time.monotonic() - self._answered_s > GIVE_UP_AFTER_S:
                raise
        else:
            self._answered_s = time.monotonic()

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    async def put(self, key: str, data: bytes, content_type: str, marks: Sequence[str] = ()) -> None:
        """Store an object, replacing what was there; first, in the same call, an empty one under each of `marks`."""
        await asyncio.gather(*(self._run(self._store.put, mark, b"", "text/plain") for mark in marks))
        await self._run(self._store.put, key, data, content_type)

    async def stat(self, key: str) -> StoredObject | None:
        """The object's facts, if it is there."""
        return await self._run(self._store.stat, key)

    async def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object, from `start` on. Raises `ObjectMissing`."""
        return await self._run(self._store.read, key, start, length)

    async def find(self, key: str) -> bytes | None:
        """All bytes of an object, if it is there."""
        try:
            return await self.read(key)
        except ObjectMissing:
            return None

    async def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        await self._run(self._store.delete, key)

    async def list(self, prefix: str) -> list[str]:
        """The keys that begin so."""
        return await self._run(self._store.list, prefix)

    async def url(self, key: str, expires_s: int) -> str | None:
        """A URL of the store's own for an object, where it has such."""
        return await self._run(self._store.url, key, expires_s)

    async def check(self) -> None:
        """Raise `StorageUnavailable` if the store does not answer."""
        await self._run(self._store.check)
