"""Voices that a voiceId may name, and what they sound like."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from deployments.errors import SpeechServerFailed, TalkingPhotoError, UnknownVoice, UnspeakableText
from serve_app.links import Links
from serve_app.openapi import BYTES, LOOKUP, played, refused
from serve_app.playing import play
from serve_app.ranges import RangeUnsatisfiable
from serve_app.schemas import Voice, VoiceId, Voices
from serve_app.service import Service
from serve_app.signing import BadSignature, UrlExpired

Language = Annotated[str | None, Query(max_length=35, description="A BCP 47 tag, such as de or pt-BR.")]


class NoSuchVoice(TalkingPhotoError):
    """No voice has the id in the path.

    `data["known"]` lists those that exist.
    """

    code = "no_such_voice"
    http_status = 404


def make_router(service: Service, links: Links) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/v1/voices", tags=["voices"])
    failures = refused(
        *LOOKUP, NoSuchVoice, UnspeakableText, SpeechServerFailed, BadSignature, UrlExpired, RangeUnsatisfiable
    )

    @router.get("", responses=refused(*LOOKUP))
    async def list_voices(request: Request, language: Language = None) -> Voices:
        """The voices that are there, all or those of a language."""
        listed = await service.voices()
        return Voices(
            voices=[
                Voice.of(voice_id, facts, links.voice_sample(voice_id, request))
                for voice_id, facts in listed.voices.items()
                if language is None or (facts.language and facts.speaks(language))
            ],
            missing=listed.missing,
        )

    @router.head("/{voice_id}/sample", response_class=Response, include_in_schema=False)
    @router.get("/{voice_id}/sample", response_class=Response, responses=played({"audio/wav": BYTES}) | failures)
    async def get_voice_sample(voice_id: VoiceId, request: Request) -> Response:
        """A sentence in the voice's language, whole or in byte ranges; made when it is first asked for."""
        try:
            stored = await service.voice_sample(voice_id)
        except UnknownVoice as error:
            raise NoSuchVoice(error.detail, error.data) from None
        return play(service, stored, request, "private, max-age=86400")

    return router
