"""URLs under which a video is played."""

import time
from collections.abc import Awaitable
from typing import Protocol
from urllib.parse import quote

from fastapi import Request

from deployments.jobs.records import VideoRecord
from serve_app.settings import HttpSettings
from serve_app.signing import Signer


class Presigner(Protocol):
    """Who knows the store's own URLs: the service, for one."""

    def presigned_url(self, key: str, expires_s: int) -> Awaitable[str | None]:
        """See `Service`."""


class Links:
    """Gives the store's presigned URLs where the settings ask for them, and this service's own otherwise.

    With a `signer` its own URLs are signed, so that a phone plays the video without a key. They begin with the
    settings' base, or what the request asked; without either they are paths.
    """

    def __init__(self, presigner: Presigner, settings: HttpSettings, signer: Signer | None = None) -> None:
        self._presigner = presigner
        self._settings = settings
        self._signer = signer

    async def video(self, record: VideoRecord, request: Request | None = None) -> str | None:
        """The URL of a completed video's MP4."""
        if record.status != "completed":
            return None
        if self._settings.video_urls == "presigned":
            expires_s = int(self._settings.presigned_hours * 3600)
            if url := await self._presigner.presigned_url(record.content_key, expires_s):
                return url
        return self._own(f"/v1/videos/{record.id}/content", request)

    def captions(self, record: VideoRecord, request: Request | None = None) -> str | None:
        """The URL of a completed text's captions."""
        if record.status != "completed" or record.order.text is None:
            return None
        return self._own(f"/v1/videos/{record.id}/captions.vtt", request)

    def stream(self, record: VideoRecord, request: Request | None = None) -> str | None:
        """The URL of the playlist that grows while the video is made."""
        if record.status not in ("processing", "completed"):
            return None
        return self._own(f"/v1/videos/{record.id}/stream.m3u8", request)

    async def all(self, record: VideoRecord, request: Request | None = None) -> dict[str, str | None]:
        """Its URLs by their fields in the video object."""
        return {
            "video_url": await self.video(record, request),
            "stream_url": self.stream(record, request),
            "captions_url": self.captions(record, request),
        }

    def voice_sample(self, voice_id: str, request: Request) -> str:
        """The URL of what a voice sounds like."""
        return self._own(f"/v1/voices/{voice_id}/sample", request)

    def _own(self, path: str, request: Request | None) -> str:
        base = self._settings.public_base_url or (str(request.base_url) if request else "")
        expires_at = int(time.time() + 3600 * self._settings.signed_hours)
        query = f"?{self._signer.sign(path, expires_at)}" if self._signer else ""
        return f"{base.rstrip('/')}{quote(path)}{query}"
