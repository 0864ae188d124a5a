"""Limits: what is taken and what there is, for clients that check before they send."""

from fastapi import APIRouter

from deployments.errors import StageFailed
from serve_app.openapi import refused
from serve_app.routes.videos import MAX_WAIT_S
from serve_app.schemas import LimitsView
from serve_app.service import Service
from serve_app.settings import Settings


def make_router(service: Service, settings: Settings) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/v1/limits", tags=["status"])

    @router.get("", responses=refused(StageFailed))
    async def get_limits() -> LimitsView:
        """The largest texts, sounds, pictures and clips, how many videos may be in work, and the engines."""
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
            engines=await service.engines(),
        )

    return router
