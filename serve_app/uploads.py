"""Pictures and sounds that come with an order: checked for size, then stored under their digest."""

from fastapi import UploadFile

from deployments.errors import AudioTooLong, ImageTooLarge
from serve_app.service import Service
from serve_app.settings import Settings


class Uploads:
    """Keeps the files of a form; each method returns a storage key."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._max_poster_bytes = max(settings.faces.max_image_bytes, settings.faces.max_clip_bytes)
        self._max_audio_bytes = settings.speech.max_audio_bytes

    async def picture(self, upload: UploadFile) -> str:
        """Store a poster's photo or clip, which the faces stage tells apart. Raises `ImageTooLarge` for either."""
        if (upload.size or 0) > self._max_poster_bytes:
            raise ImageTooLarge(f"The poster has {upload.size} bytes; send one of at most {self._max_poster_bytes}.")
        return await self._keep(upload)

    async def sound(self, upload: UploadFile) -> str:
        """Store a sound file. Raises `AudioTooLong`."""
        if (upload.size or 0) > self._max_audio_bytes:
            raise AudioTooLong(f"The sound has {upload.size} bytes; send a file of at most {self._max_audio_bytes}.")
        return await self._keep(upload)

    async def _keep(self, upload: UploadFile) -> str:
        return await self._service.keep_upload(await upload.read(), upload.content_type or "application/octet-stream")
