"""Videos: made from a poster and a script, looked up, played."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Header, Query, Request, Response

from deployments.errors import EngineUnavailable, IdempotencyMismatch, InvalidScript, UnknownPoster, UnknownVideo
from deployments.jobs.index import Answer
from deployments.jobs.records import ENDED
from deployments.outbound import OutboundPolicy
from serve_app.access import Asker
from serve_app.links import Links
from serve_app.openapi import (
    ADDRESSES,
    ASK_AGAIN,
    BODY,
    LOOKUP,
    PICTURE,
    QUEUE,
    RENDERING,
    SOUND,
    TEXT,
    Kinds,
    Responses,
    refused,
)
from serve_app.problems import problem
from serve_app.schemas import Video, VideoId, VideoPage
from serve_app.service import Service
from serve_app.settings import Settings
from serve_app.uploads import Uploads
from serve_app.video_form import VideoForm
from serve_app.video_request import VideoRequest

MAX_WAIT_S = 60.0

AS_JSON = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/VideoRequest"}}},
    }
}

LOCATION = {"Location": {"required": True, "schema": {"type": "string"}}}
IN_WORK: Responses = {202: {"model": Video, "description": "Accepted, and in work", "headers": ASK_AGAIN | LOCATION}}

ORDER: Kinds = (
    UnknownPoster,
    IdempotencyMismatch,
    EngineUnavailable,
    InvalidScript,
    *PICTURE,
    *TEXT,
    *SOUND,
    *ADDRESSES,
    *QUEUE,
    *RENDERING,
)

_WAIT = re.compile(r"\bwait=(\d{1,6})\b", re.ASCII)


def make_router(service: Service, links: Links, settings: Settings, policy: OutboundPolicy) -> APIRouter:
    """Build the router; `policy` tells where pictures and sounds may be fetched."""
    keep = Uploads(service, settings, policy)
    router = APIRouter(prefix="/v1/videos", tags=["videos"])

    async def shown(answer: Answer, request: Request) -> Video:
        return Video.of(answer, await links.all(answer.record, request))

    @router.post(
        "",
        response_model=Video,
        responses=IN_WORK | refused(*LOOKUP, *BODY, *ORDER),
        openapi_extra=AS_JSON,
    )
    async def create_video(
        request: Request,
        caller: Asker,
        form: Annotated[VideoForm, Form(media_type="multipart/form-data")],
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
        prefer: Annotated[str | None, Header(description="`wait=N`: hold the answer for up to N seconds.")] = None,
    ) -> Response:
        """Make a video: 200 with the finished one, 202 with its state if that takes longer than the service waits."""
        as_json = request.headers.get("content-type", "").startswith("application/json")
        asked = VideoRequest.read(await request.body()) if as_json else form
        order = await asked.order(keep, caller.name)
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

    @router.get("", responses=refused(*LOOKUP))
    async def list_videos(
        request: Request,
        caller: Asker,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        cursor: Annotated[str, Query(pattern=r"^[0-9]{15}-vid_[0-9a-f]{32}$|^$")] = "",
    ) -> VideoPage:
        """Your videos, the newest first."""
        answers, following = await service.page(caller.name, cursor, limit)
        return VideoPage(videos=[await shown(answer, request) for answer in answers], next_cursor=following)

    @router.get("/{video_id}", responses=refused(*LOOKUP, UnknownVideo))
    async def get_video(video_id: VideoId, request: Request, caller: Asker) -> Video:
        """The video as it stands."""
        return await shown(await service.find(video_id, caller.name), request)

    @router.post("/{video_id}/cancel", responses=refused(*LOOKUP, UnknownVideo))
    async def cancel_video(video_id: VideoId, request: Request, caller: Asker) -> Video:
        """Stop making it, if it is not done; the answer says how it ended."""
        return await shown(await service.cancel(video_id, caller.name), request)

    @router.delete("/{video_id}", status_code=204, responses=refused(*LOOKUP, UnknownVideo))
    async def delete_video(video_id: VideoId, caller: Asker) -> None:
        """Leave nothing of it: the record and, unless another video shares it, the content."""
        await service.delete(video_id, caller.name)

    return router


def _preferred(header: str | None, wait_s: float) -> float:
    """The seconds of RFC 7240's `Prefer: wait=N`, at most 60."""
    match = _WAIT.search(header or "")
    return min(float(match[1]), MAX_WAIT_S) if match else wait_s
