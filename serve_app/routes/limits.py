"""Limits: what is taken, for clients that check before they send."""

from fastapi import APIRouter

from serve_app.routes.videos import MAX_WAIT_S
from serve_app.schemas import LimitsView
from serve_app.settings import Settings


def make_router(settings: Settings) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/v1/limits", tags=["status"])

    @router.get("")
    async def limits() -> LimitsView:
        """The largest texts, sounds, pictures and clips, and how many videos may be in work."""
        return LimitsView(
            max_text_chars=settings.speech.max_text_chars,
            max_audio_s=settings.speech.max_audio_s,
            max_audio_bytes=settings.speech.max_audio_bytes,
            max_image_bytes=settings.faces.max_image_bytes,
            max_image_pixels=settings.faces.max_pixels,
            max_clip_bytes=settings.faces.max_clip_bytes,
            max_clip_s=settings.faces.max_clip_s,
            max_body_bytes=settings.http.max_body_bytes,
            max_wait_s=MAX_WAIT_S,
            queue=settings.jobs.queue,
        )

    return router
