"""URLs under which a finished video is played."""

from fastapi import Request

from deployments.jobs.records import VideoRecord
from serve_app.service import Service
from serve_app.settings import HttpSettings


class Links:
    """Gives the store's presigned URLs where the settings ask for them, and this service's own otherwise."""

    def __init__(self, service: Service, settings: HttpSettings) -> None:
        self._service = service
        self._settings = settings

    async def video(self, record: VideoRecord, request: Request) -> str | None:
        """The URL of a completed video's MP4."""
        if record.status != "completed":
            return None
        if self._settings.video_urls == "presigned":
            expires_s = int(self._settings.presigned_hours * 3600)
            if url := await self._service.presigned_url(record.content_key, expires_s):
                return url
        base = self._settings.public_base_url or str(request.base_url)
        return f"{base.rstrip('/')}/v1/videos/{record.id}/content"
