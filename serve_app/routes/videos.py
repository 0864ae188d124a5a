"""Videos: made from a poster and a script, looked up, played."""

import re
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Header, Request, Response, UploadFile
from fastapi.responses import StreamingResponse

from deployments.errors import InvalidRequest, VideoNotReady
from deployments.jobs.order import VideoOrder
from deployments.media import SourceOptions
from deployments.storage.store import StoredObject
from serve_app.links import Links
from serve_app.problems import problem
from serve_app.ranges import ByteRange, RangeUnsatisfiable, parse_range
from serve_app.schemas import Video, VideoId
from serve_app.service import Service
from serve_app.settings import Settings
from serve_app.source_options import source_options
from serve_app.uploads import Uploads

MAX_WAIT_S = 60.0

_WAIT = re.compile(r"\bwait=(\d{1,6})\b", re.ASCII)


def make_router(service: Service, links: Links, settings: Settings) -> APIRouter:
    """Build the router."""
    keep = Uploads(service, settings)
    router = APIRouter(prefix="/v1/videos", tags=["videos"])

    @router.post("", response_model=Video, responses={202: {"model": Video}})
    async def create_video(
        request: Request,
        source: Annotated[SourceOptions, Depends(source_options)],
        poster: Annotated[UploadFile | None, File(description="A photo or a clip with a face.")] = None,
        poster_id: Annotated[str | None, Form(description="Or a registered poster's imageId.")] = None,
        text: Annotated[str | None, Form(description="What it says.")] = None,
        voice_id: Annotated[str, Form()] = "default",
        audio: Annotated[UploadFile | None, File(description="Or a sound file: WAV, MP3, M4A, OGG, FLAC.")] = None,
        prefer: Annotated[str | None, Header(description="`wait=N`: hold the answer for up to N seconds.")] = None,
    ) -> Response:
        """Make a video: 200 with the finished one, 202 with its state if that takes longer than the service waits."""
        if (poster is None) == (poster_id is None):
            raise InvalidRequest(
                "Send either 'poster' (a picture) or 'poster_id' (a registered one).", {"param": "poster"}
            )
        if (text is None) == (audio is None):
            raise InvalidRequest("Send either 'text' (with 'voice_id') or 'audio' (a sound file).", {"param": "text"})
        order = VideoOrder(
            poster_key=await keep.picture(poster) if poster else (await service.get_poster(poster_id or "")).key,
            poster_id=poster_id,
            text=text,
            voice_id=voice_id,
            audio_key=await keep.sound(audio) if audio else None,
            source=source,
        )
        answer = await service.submit(order, _preferred(prefer, settings.http.wait_s))
        record = answer.record
        if failure := record.failure:
            return problem(
                failure.http_status, failure.code, failure.detail, retryable=failure.retryable, video_id=record.id
            )
        body = Video.of(answer, await links.video(record, request)).model_dump_json()
        done = record.status == "completed"
        headers = {"Location": f"/v1/videos/{record.id}"} | ({} if done else {"Retry-After": "1"})
        return Response(body, 200 if done else 202, headers, media_type="application/json")

    @router.get("/{video_id}")
    async def get_video(video_id: VideoId, request: Request) -> Video:
        """The video as it stands."""
        record = await service.find(video_id)
        return Video.of(record, await links.video(record, request))

    @router.api_route("/{video_id}/content", methods=["GET", "HEAD"], response_class=Response)
    async def get_content(video_id: VideoId, request: Request) -> Response:
        """The MP4, whole or in byte ranges."""
        record = await service.find(video_id)
        stored = await service.content(record.content_key) if record.status == "completed" else None
        if stored is None:
            raise VideoNotReady(f"The video has no content: it is {record.status}.", {"videoId": video_id})
        return _play(service, stored, request)

    return router


def _preferred(header: str | None, wait_s: float) -> float:
    """The seconds of RFC 7240's `Prefer: wait=N`, at most 60."""
    match = _WAIT.search(header or "")
    return min(float(match[1]), MAX_WAIT_S) if match else wait_s


def _play(service: Service, stored: StoredObject, request: Request) -> Response:
    """Answer as players expect: strong ETag, 304, 206 with Content-Range, 416; HEAD without the body."""
    etag, size = f'"{stored.etag}"', stored.size_bytes
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=86400"}
    held = request.headers.get("if-none-match", "")
    if etag in held or held.strip() == "*":
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    whole = request.method == "HEAD" or request.headers.get("if-range", etag) != etag
    asked = None if whole else request.headers.get("range")
    try:
        part = parse_range(asked, size)
    except RangeUnsatisfiable:
        refused = problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "range_not_satisfiable", f"The video has {size} bytes."
        )
        refused.headers.update(headers | {"Content-Range": f"bytes */{size}"})
        return refused
    status = HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK
    span = part or ByteRange(0, size)
    headers["Content-Length"] = str(span.stop - span.start)
    if part:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type="video/mp4")
    return StreamingResponse(service.read(stored.key, span.start, span.stop), status, headers, media_type="video/mp4")
