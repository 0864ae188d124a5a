"""Voices that a voiceId may name."""

from fastapi import APIRouter

from serve_app.openapi import refused
from serve_app.schemas import Voice, Voices
from serve_app.settings import SpeechSettings


def make_router(settings: SpeechSettings) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/v1/voices", tags=["voices"])

    @router.get("", responses=refused())
    async def list_voices() -> Voices:
        """All voices of the configuration."""
        return Voices(
            voices=[
                Voice(id=voice_id, engine=voice.engine, language=voice.language)
                for voice_id, voice in settings.voices.items()
            ]
        )

    return router
