"""Videos: made from a poster and a script, looked up, played."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, Response, UploadFile
from pydantic import TypeAdapter, ValidationError

from deployments.errors import InvalidRequest
from deployments.jobs.index import Answer
from deployments.jobs.order import VideoOrder
from deployments.jobs.records import ENDED
from deployments.media import SourceOptions
from serve_app.access import Asker
from serve_app.links import Links
from serve_app.problems import problem
from serve_app.schemas import Video, VideoId, VideoPage
from serve_app.service import Service
from serve_app.settings import Settings
from serve_app.source_options import source_options
from serve_app.uploads import Uploads

MAX_WAIT_S = 60.0

METADATA = TypeAdapter(dict[str, str])

_WAIT = re.compile(r"\bwait=(\d{1,6})\b", re.ASCII)


def make_router(service: Service, links: Links, settings: Settings) -> APIRouter:
    """Build the router."""
    keep = Uploads(service, settings)
    router = APIRouter(prefix="/v1/videos", tags=["videos"])

    async def shown(answer: Answer, request: Request) -> Video:
        record = answer.record
        return Video.of(answer, await links.video(record, request), links.stream(record, request))

    @router.post("", response_model=Video, responses={202: {"model": Video}})
    async def create_video(
        request: Request,
        caller: Asker,
        source: Annotated[SourceOptions, Depends(source_options)],
        poster: Annotated[UploadFile | None, File(description="A photo or a clip with a face.")] = None,
        poster_id: Annotated[str | None, Form(description="Or a registered poster's imageId.")] = None,
        text: Annotated[str | None, Form(description="What it says.")] = None,
        voice_id: Annotated[str, Form()] = "default",
        audio: Annotated[UploadFile | None, File(description="Or a sound file: WAV, MP3, M4A, OGG, FLAC.")] = None,
        metadata: Annotated[
            str | None, Form(max_length=4000, description="A JSON object of strings, given back.")
        ] = None,
        webhook: Annotated[str | None, Form(max_length=2000, description="A URL that is told of the end.")] = None,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
        prefer: Annotated[str | None, Header(description="`wait=N`: hold the answer for up to N seconds.")] = None,
    ) -> Response:
        """Make a video: 200 with the finished one, 202 with its state if that takes longer than the service waits."""
        _check_one("poster", poster, poster_id, "Send either 'poster' (a photo, a clip) or 'poster_id' (a known one).")
        _check_one("text", text, audio, "Send either 'text' (with 'voice_id') or 'audio' (a sound file).")
        order = VideoOrder(
            poster_key=await keep.picture(poster) if poster else "",
            poster_id=poster_id,
            text=text,
            voice_id=voice_id,
            audio_key=await keep.sound(audio) if audio else None,
            source=source,
            owner=caller.name,
            metadata=_metadata(metadata),
            webhook=webhook,
        )
        wait_s = _preferred(prefer, settings.http.wait_s)
        answer = await service.submit(order, wait_s, caller.concurrent_jobs, idempotency_key)
        record = answer.record
        if failure := record.failure:
            return problem(
                failure.http_status, failure.code, failure.detail, retryable=failure.retryable, video_id=record.id
            )
        body = (await shown(answer, request)).model_dump_json()
        done = record.status in ENDED
        headers = {"Location": f"/v1/videos/{record.id}"} | ({} if done else {"Retry-After": "1"})
        return Response(body, 200 if done else 202, headers, media_type="application/json")

    @router.get("")
    async def list_videos(
        request: Request,
        caller: Asker,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        cursor: Annotated[str, Query(pattern=r"^[0-9]{15}-vid_[0-9a-f]{32}$|^$")] = "",
    ) -> VideoPage:
        """Your videos, the newest first."""
        answers, following = await service.page(caller.name, cursor, limit)
        return VideoPage(videos=[await shown(answer, request) for answer in answers], next_cursor=following)

    @router.get("/{video_id}")
    async def get_video(video_id: VideoId, request: Request, caller: Asker) -> Video:
        """The video as it stands."""
        return await shown(await service.find(video_id, caller.name), request)

    @router.post("/{video_id}/cancel")
    async def cancel_video(video_id: VideoId, request: Request, caller: Asker) -> Video:
        """Stop making it, if it is not done; the answer says how it ended."""
        return await shown(await service.cancel(video_id, caller.name), request)

    @router.delete("/{video_id}", status_code=204)
    async def delete_video(video_id: VideoId, caller: Asker) -> None:
        """Leave nothing of it: the record and, unless another video shares it, the content."""
        await service.delete(video_id, caller.name)

    return router


def _preferred(header: str | None, wait_s: float) -> float:
    """The seconds of RFC 7240's `Prefer: wait=N`, at most 60."""
    match = _WAIT.search(header or "")
    return min(float(match[1]), MAX_WAIT_S) if match else wait_s


def _check_one(param: str, one: object, other: object, sentence: str) -> None:
    if (one is None) == (other is None):
        raise InvalidRequest(sentence, {"param": param})


def _metadata(given: str | None) -> dict[str, str]:
    """The caller's own facts. Raises `InvalidRequest` unless they are a JSON object of strings."""
    try:
        return METADATA.validate_json(given or "{}")
    except ValidationError as error:
        problem = "'metadata' is not a JSON object of strings."
        raise InvalidRequest(problem, {"param": "metadata"}) from error
