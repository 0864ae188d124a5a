"""Pictures and sounds that come with an order: checked for size, then stored under their digest."""

from deployments.errors import AudioTooLong, ImageTooLarge
from deployments.outbound import OutboundPolicy, fetch
from serve_app.service import Service
from serve_app.settings import Settings

PICTURES = ("image/", "video/", "application/octet-stream")
SOUNDS = ("audio/", "video/", "application/ogg", "application/octet-stream")
"""What a server may call them: what they are is told by their content."""


class Uploads:
    """Keeps what an order brings, or has fetched; each method returns a storage key.

    Raises `ImageTooLarge` or `AudioTooLong`; for addresses `UrlRefused` and `UrlFailed`.
    """

    def __init__(self, service: Service, settings: Settings, policy: OutboundPolicy) -> None:
        self._service = service
        self._policy = policy
        self._max_poster_bytes = max(settings.faces.max_image_bytes, settings.faces.max_clip_bytes)
        self._max_audio_bytes = settings.speech.max_audio_bytes

    async def picture(self, data: bytes) -> str:
        """Store a poster's photo or clip, which the faces stage tells apart."""
        if len(data) > self._max_poster_bytes:
            raise ImageTooLarge(f"The poster has {len(data)} bytes; send one of at most {self._max_poster_bytes}.")
        return await self._service.keep_upload(data, "application/octet-stream")

    async def sound(self, data: bytes) -> str:
        """Store a sound file."""
        if len(data) > self._max_audio_bytes:
            raise AudioTooLong(f"The sound has {len(data)} bytes; send a file of at most {self._max_audio_bytes}.")
        return await self._service.keep_upload(data, "application/octet-stream")

    async def picture_at(self, url: str) -> str:
        """Fetch a poster's photo or clip and store it."""
        fetched = await fetch(url, self._policy, self._max_poster_bytes, PICTURES, param="poster_url")
        return await self._service.keep_upload(fetched.content, fetched.content_type)

    async def sound_at(self, url: str) -> str:
        """Fetch a sound file and store it."""
        fetched = await fetch(url, self._policy, self._max_audio_bytes, SOUNDS, param="audio_url")
        return await self._service.keep_upload(fetched.content, fetched.content_type)
