"""The contract between the HTTP routes and whatever does the work: routes know nothing of Ray."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from deployments.inspection import Inspection
from deployments.jobs.deliveries import Delivery
from deployments.jobs.index import Answer
from deployments.jobs.order import VideoOrder
from deployments.jobs.posters import Poster
from deployments.storage.store import StoredObject
from deployments.voices import VoiceList


@dataclass(frozen=True)
class Readiness:
    """Whether every stage can serve; `stages` tells what is wrong, `"ready"` where nothing is."""

    ready: bool
    engine: str | None
    stages: dict[str, str]
    counts: dict[str, Any]


class Service(Protocol):
    """What the routes ask for. Every method raises `TalkingPhotoError`s only."""

    async def submit(
        self, order: VideoOrder, wait_s: float, most: int | None = None, idempotency_key: str | None = None
    ) -> Answer:
        """See `JobIndex.submit`. An order may name a poster's id alone."""

    async def find(self, video_id: str, owner: str | None = None) -> Answer:
        """See `JobIndex.find`."""

    async def page(self, owner: str, after: str, limit: int) -> tuple[list[Answer], str | None]:
        """See `JobIndex.page`."""

    async def cancel(self, video_id: str, owner: str | None) -> Answer:
        """See `JobIndex.cancel`."""

    async def delete(self, video_id: str, owner: str | None) -> None:
        """See `JobIndex.delete`."""

    async def deliveries(self, video_id: str, owner: str | None) -> list[Delivery]:
        """See `Webhooks.deliveries`."""

    async def redeliver(self, video_id: str, delivery_id: str, owner: str | None) -> Delivery:
        """See `Webhooks.redeliver`."""

    async def engines(self) -> list[str]:
        """The engines that an order may name, the default first."""

    async def voices(self) -> VoiceList:
        """The voices that an order may name."""

    async def voice_sample(self, voice_id: str) -> StoredObject:
        """What a voice sounds like. Raises `UnknownVoice`."""

    async def check_poster(self, image: bytes) -> Inspection:
        """See `Posters.check`."""

    async def keep_upload(self, data: bytes, content_type: str) -> str:
        """Store an order's own picture or sound; return its storage key."""

    async def put_poster(self, poster_id: str, image: bytes) -> Poster:
        """See `Posters.put`."""

    async def get_poster(self, poster_id: str) -> Poster:
        """See `Posters.get`."""

    async def delete_poster(self, poster_id: str) -> None:
        """See `Posters.delete`."""

    async def content(self, key: str) -> StoredObject | None:
        """The facts of a stored object, if it is there."""

    def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes [start, stop) of a stored object, in pieces."""

    async def presigned_url(self, key: str, expires_s: int) -> str | None:
        """A URL of the store's own, where it has such."""

    async def readiness(self) -> Readiness:
        """Ask every stage."""
