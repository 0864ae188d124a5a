"""A finished video's MP4 and its captions."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response

from deployments.errors import TalkingPhotoError, VideoNotReady
from deployments.jobs.records import VideoRecord
from serve_app.access import owner_of
from serve_app.openapi import MP4_OR_PART, PLAYED, Kinds, played, refused
from serve_app.playing import play
from serve_app.ranges import RangeUnsatisfiable
from serve_app.schemas import VideoId
from serve_app.service import Service

WAITING: Kinds = (VideoNotReady, RangeUnsatisfiable)

_TEXT = {"schema": {"type": "string"}}
_CAPTIONS = {
    "text/vtt": _TEXT | {"example": "WEBVTT\n\n00:00:00.265 --> 00:00:01.265\nHello <00:00:00.615>there.\n"},
    "application/x-subrip": _TEXT | {"example": "1\n00:00:00,265 --> 00:00:01,265\nHello there.\n"},
}
CaptionsForm = Annotated[Literal["vtt", "srt"], Path(examples=["vtt"])]


class NoCaptions(TalkingPhotoError):
    """The words of the video are not known: it speaks an uploaded sound."""

    code = "no_captions"
    http_status = 404


def make_router(service: Service) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/v1/videos/{video_id}", tags=["videos"])
    without = refused(*PLAYED, *WAITING, NoCaptions)

    async def finished(video_id: str, request: Request) -> VideoRecord:
        record = (await service.find(video_id, owner_of(request))).record
        if record.status != "completed":
            raise VideoNotReady(f"The video has no content: it is {record.status}.", {"videoId": video_id})
        return record

    @router.head("/content", response_class=Response, include_in_schema=False)
    @router.get("/content", response_class=Response, responses=MP4_OR_PART | refused(*PLAYED, *WAITING))
    async def get_content(video_id: VideoId, request: Request) -> Response:
        """The MP4, whole or in byte ranges."""
        record = await finished(video_id, request)
        stored = await service.content(record.content_key)
        if stored is None:
            raise VideoNotReady("The video has no content: ask for it again.", {"videoId": video_id})
        return play(service, stored, request, "private, max-age=86400")

    @router.head("/captions.{form}", response_class=Response, include_in_schema=False)
    @router.get("/captions.{form}", response_class=Response, responses=played(_CAPTIONS) | without)
    async def get_captions(video_id: VideoId, form: CaptionsForm, request: Request) -> Response:
        """What a text's voice says and when, word by word: WebVTT or SubRip."""
        record = await finished(video_id, request)
        stored = await service.content(record.captions_key(form))
        if stored is None:
            raise NoCaptions(
                "Its words are not known: it speaks an uploaded sound, or is older than captions are.",
                {"videoId": video_id},
            )
        return play(service, stored, request, "private, max-age=86400")

    return router
