"""Posters by imageId: `posters/<id>.json` tells of the picture, whose bytes lie under `posters/<id>/<sha256>`."""

from __future__ import annotations

import asyncio
import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from deployments.errors import UnknownPoster
from deployments.inspection import Inspection
from deployments.jobs.order import digest_of
from deployments.media import FaceBox

POSTER_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
"""What an imageId may be: it is part of storage keys."""

REMEMBERED = 10_000
"""Posters kept in memory, 1 KB each, so that an order need not ask storage."""


class Poster(BaseModel):
    """A registered picture; `faces` are the boxes found, largest first."""

    model_config = ConfigDict(frozen=True)

    id: str
    sha256: str
    content_type: str
    size_bytes: int
    width: int
    height: int
    faces: list[FaceBox]
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def key(self) -> str:
        """Where the picture's bytes are stored."""
        return f"posters/{self.id}/{self.sha256}"


class Posters:
    """Reads and writes posters through the storage stage; the faces stage looks at each before it is kept."""

    def __init__(self, storage: Any, faces: Any) -> None:  # noqa: ANN401 - handles
        self._storage = storage
        self._faces = faces
        self._writing = asyncio.Lock()  # a picture and its record are written, or deleted, together
        self._known: dict[str, Poster] = {}  # by id: all changes come through here

    async def put(self, poster_id: str, image: bytes) -> Poster:
        """Register or replace. Raises `UnreadableImage`, `ImageTooLarge` or `NoFace`."""
        found = await self._faces.inspect.remote(image)
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(image).hexdigest())
        poster = Poster(id=poster_id, sha256=sha256, size_bytes=len(image), **found)
        record = poster.model_dump_json().encode()
        async with self._writing:
            await self._storage.put.remote(poster.key, image, poster.content_type)
            await self._storage.put.remote(_record_key(poster_id), record, "application/json")
            self._known[poster_id] = poster
        return poster

    async def check(self, image: bytes) -> Inspection:
        """What is in the picture and what is wrong with it. Raises `UnreadableImage` or `UnreadableClip`."""
        inspection: Inspection = await self._faces.check.remote(image)
        return inspection

    async def get(self, poster_id: str) -> Poster:
        """The poster. Raises `UnknownPoster`."""
        if poster := self._known.get(poster_id):
            return poster
        possible = re.fullmatch(POSTER_ID, poster_id)
        data = await self._storage.find.remote(_record_key(poster_id)) if possible else None
        if data is None:
            raise UnknownPoster(
                f"There is no poster {poster_id!r}. Register its picture first, with PUT /v1/posters/<imageId>.",
                {"imageId": poster_id},
            )
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        poster = self._known[poster_id] = Poster.model_validate_json(data)
        return poster

    async def delete(self, poster_id: str) -> None:
        """Forget the poster and its pictures. Raises `UnknownPoster`."""
        await self.get(poster_id)
        async with self._writing:
            self._known.pop(poster_id, None)
            await self._storage.delete.remote(_record_key(poster_id))
            for key in await self._storage.list.remote(f"posters/{poster_id}/"):
                await self._storage.delete.remote(key)
                await self._faces.forget.remote(digest_of(key))


def _record_key(poster_id: str) -> str:
    return f"posters/{poster_id}.json"
