"""The memory in front of storage: finished records for 24 hours, on this node's disk. It may be wiped at any time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import diskcache

from deployments.jobs.records import VideoRecord


class Dedupe:
    """Finished videos by id. diskcache is SQLite: every call leaves the event loop for a thread."""

    def __init__(self, folder: Path, keep_s: float) -> None:
        self._cache = diskcache.Cache(str(folder))
        self._keep_s = keep_s

    async def get(self, video_id: str) -> VideoRecord | None:
        """The completed record, if it is younger than the time it is kept."""
        data = await asyncio.to_thread(self._cache.get, video_id)
        return None if data is None else VideoRecord.model_validate_json(data)

    async def put(self, record: VideoRecord) -> None:
        """Remember a completed record."""
        await asyncio.to_thread(self._cache.set, record.id, record.model_dump_json(), expire=self._keep_s)

    async def forget(self, video_id: str) -> None:
        """Drop it: its content is gone."""
        await asyncio.to_thread(self._cache.delete, video_id)
