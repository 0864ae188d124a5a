"""The memory in front of storage: finished records for 24 hours, on this node's disk.

It may be wiped at any time, and its disk may be full: then answers take the way to storage, and nothing else changes.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import diskcache
from pydantic import ValidationError

from deployments.jobs.records import VideoRecord

logger = logging.getLogger("ray.serve")

BROKEN = (sqlite3.Error, OSError, diskcache.Timeout)


class Dedupe:
    """Finished videos by id. diskcache is SQLite: every call leaves the event loop for a thread with one connection."""

    def __init__(self, folder: Path, keep_s: float) -> None:
        self._folder = folder
        self._cache = diskcache.Cache(str(folder))
        self._keep_s = keep_s
        self._thread = ThreadPoolExecutor(1)

    async def get(self, video_id: str) -> VideoRecord | None:
        """The completed record, if it is younger than the time it is kept."""
        data = await self._call("get", video_id)
        try:
            return None if data is None else VideoRecord.model_validate_json(data)
        except ValidationError:  # of another version
            return None

    async def put(self, record: VideoRecord) -> None:
        """Remember a completed record."""
        await self._call("set", record.id, record.model_dump_json(), expire=self._keep_s)

    async def forget(self, video_id: str) -> None:
        """Drop it: its content is gone."""
        await self._call("delete", video_id)

    async def _call(self, method: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - diskcache is untyped
        """Call the cache, on a new one if it was wiped under us; None if it cannot be used at all."""

        def call() -> Any:  # noqa: ANN401 - diskcache is untyped
            try:
                return getattr(self._cache, method)(*args, **options)
            except BROKEN:
                self._cache = diskcache.Cache(str(self._folder))
                return getattr(self._cache, method)(*args, **options)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except BROKEN as error:
            logger.warning("the cache in %s cannot be used: %s", self._folder, error)
            return None
