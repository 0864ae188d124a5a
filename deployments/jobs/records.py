"""Records of videos: durable before an order is accepted, in object storage beside the videos themselves.

`videos/<id>.json` is the record; `pending/<id>` exists while the work is not finished, so that a restart finds what
it owes without reading every record; `index/<owner>/<time>-<id>` lists an owner's videos, the newest first. The MP4 is
`contents/<content id>.mp4`, with captions beside it as `.vtt` and `.srt`. Several videos may share them:
`refs/<content id>/<id>` tells which. Likewise `uses/<key of a picture or a sound>/<id>` tells which videos were made
from it.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployments.errors import TalkingPhotoError
from deployments.jobs.order import VideoOrder

logger = logging.getLogger("ray.serve")

Status = Literal["queued", "processing", "completed", "failed", "canceled"]

ENDED: tuple[Status, ...] = ("completed", "failed", "canceled")

ANYBODY = "-"
"""The owner's name in keys, where nobody has one."""

FAR_FUTURE_MS = 10**14
"""Keys are listed in ascending order, and the newest video shall come first."""


class Failure(BaseModel):
    """Why a video failed, as a reply needs it."""

    model_config = ConfigDict(frozen=True)

    code: str
    detail: str
    http_status: int
    retryable: bool
    data: dict[str, Any] = {}

    @classmethod
    def of(cls, error: TalkingPhotoError) -> Failure:
        """The failure that an error tells of."""
        return cls(
            code=error.code,
            detail=error.detail,
            http_status=error.http_status,
            retryable=error.retryable,
            data=error.data,
        )


class Rendered(BaseModel):
    """What came out: the measures of the MP4, and in how many of its frames no face was found to speak."""

    model_config = ConfigDict(frozen=True)

    duration_s: float
    width: int
    height: int
    frames: int
    fps: float
    size_bytes: int
    frames_without_face: int = 0


class VideoRecord(BaseModel):
    """A video's life so far. `timings_s` holds the seconds each stage took, and `total`.

    `run` is another each time that it is taken up by an order: what it ends with is announced once for each.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    content_id: str
    order: VideoOrder
    engine: str
    run: str = Field(default_factory=lambda: uuid.uuid4().hex)
    status: Status = "queued"
    stage: str | None = None
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    finished_at: datetime | None = None
    rendered: Rendered | None = None
    failure: Failure | None = None
    timings_s: dict[str, float] = {}

    @property
    def content_key(self) -> str:
        """Where the MP4 is stored."""
        return f"contents/{self.content_id}.mp4"

    def captions_key(self, form: str) -> str:
        """Where its captions are stored, `vtt` or `srt`: of a text."""
        return f"contents/{self.content_id}.{form}"

    @property
    def stream_prefix(self) -> str:
        """Where what plays while it is rendered is stored."""
        return f"streams/{self.content_id}"

    def with_(self, **changes: Any) -> VideoRecord:  # noqa: ANN401 - any field
        """A copy with those fields changed."""
        return self.model_copy(update=changes)


class Records:
    """Reads and writes records through the storage stage (a Serve handle, or what behaves like one)."""

    def __init__(self, storage: Any) -> None:  # noqa: ANN401 - a handle
        self._storage = storage

    async def accept(self, record: VideoRecord) -> None:
        """Make an order durable: from here on it ends, through any restart."""
        # A marker without a record is harmless, a record without a marker is forgotten.
        await self.save(record, (*_marks(record), f"pending/{record.id}"))

    async def save(self, record: VideoRecord, marks: Sequence[str] = ()) -> None:
        """Store it as it stands, after its marks."""
        key = f"videos/{record.id}.json"
        await self._storage.put.remote(key, record.model_dump_json().encode(), "application/json", marks)

    async def clear(self, record: VideoRecord) -> None:
        """Owe nothing more: its end is stored, and announced."""
        await self._storage.delete.remote(f"pending/{record.id}")

    async def load(self, video_id: str) -> VideoRecord | None:
        """The record of that id, if there is one."""
        data = await self._storage.find.remote(f"videos/{video_id}.json")
        return None if data is None else VideoRecord.model_validate_json(data)

    async def twin(self, record: VideoRecord) -> VideoRecord | None:
        """A completed video of the same content, if there is one."""
        for key in await self._storage.list.remote(f"refs/{record.content_id}/"):
            other = await self.load(key.rpartition("/")[2])
            if other and other.status == "completed":
                return other
        return None

    async def has_content(self, record: VideoRecord) -> bool:
        """Whether the MP4 is still there."""
        return await self._storage.stat.remote(record.content_key) is not None

    async def unfinished(self) -> list[VideoRecord]:
        """What was accepted and has not ended. A record that cannot be read is logged, and left for people to see."""
        found = []
        for video_id in await self.owed():
            try:
                record = await self.load(video_id)
            except ValidationError as error:
                logger.error("the record of %s cannot be read: %s", video_id, error)
                continue
            if record is not None:
                found.append(record)
        return found

    async def owed(self) -> list[str]:
        """The ids of the unfinished."""
        return [key.removeprefix("pending/") for key in await self._storage.list.remote("pending/")]

    async def page(self, owner: str, after: str, limit: int) -> tuple[list[VideoRecord], str | None]:
        """An owner's videos, the newest first, from after the cursor on, and the next cursor, if there are more.

        A store that went away in the middle of `accept` may have left entries of another time: they do not count.
        """
        prefix = f"index/{owner or ANYBODY}/"
        keys = [key for key in await self._storage.list.remote(prefix) if key.removeprefix(prefix) > after]
        names = [key.removeprefix(prefix) for key in keys[:limit]]
        records = [(name, await self.load(name.partition("-")[2])) for name in names]
        known = [record for name, record in records if record and _index_key(record) == prefix + name]
        return known, names[-1] if len(keys) > limit else None

    async def made_from(self, prefix: str) -> list[str]:
        """The ids of the videos made from pictures or sounds whose keys begin so."""
        return [key.rpartition("/")[2] for key in await self._storage.list.remote(f"uses/{prefix}")]

    async def forget(self, record: VideoRecord) -> list[str]:
        """Leave nothing of a video, nor of its content and uploads if no other video needs them.

        Returns the keys of the uploads that went.
        """
        for key in (f"videos/{record.id}.json", f"pending/{record.id}", *_marks(record)):
            await self._storage.delete.remote(key)
        if not await self._storage.list.remote(f"refs/{record.content_id}/"):
            for prefix in (f"contents/{record.content_id}.", f"{record.stream_prefix}/"):
                for key in await self._storage.list.remote(prefix):
                    await self._storage.delete.remote(key)
        uploads = [key for key in record.order.sources if key.startswith("uploads/")]
        alone = [key for key in uploads if not await self.made_from(f"{key}/")]
        for key in alone:
            await self._storage.delete.remote(key)
        return alone

    async def kept(self, owner: str, key: str, fingerprint: str) -> bool:
        """Whether an Idempotency-Key stands for this order, as it does from now on if it is new."""
        path = f"idempotency/{owner or ANYBODY}/{hashlib.sha256(key.encode()).hexdigest()}"
        known = await self._storage.find.remote(path)
        if known is None:
            await self._storage.put.remote(path, fingerprint.encode(), "text/plain")
        return known is None or known.decode() == fingerprint


def _index_key(record: VideoRecord) -> str:
    newest_first = FAR_FUTURE_MS - int(record.created_at.timestamp() * 1000)
    return f"index/{record.order.owner or ANYBODY}/{newest_first:015}-{record.id}"


def _marks(record: VideoRecord) -> list[str]:
    """The keys of the small objects by which it is found: by its owner, its content, and what it was made from."""
    uses = [f"uses/{key}/{record.id}" for key in record.order.sources]
    return [_index_key(record), f"refs/{record.content_id}/{record.id}", *uses]
