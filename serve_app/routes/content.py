"""A finished video's MP4."""

from fastapi import APIRouter, Request, Response

from deployments.errors import VideoNotReady
from serve_app.access import owner_of
from serve_app.openapi import MP4_OR_PART, PLAYED, refused
from serve_app.playing import play
from serve_app.ranges import RangeUnsatisfiable
from serve_app.schemas import VideoId
from serve_app.service import Service


def make_router(service: Service) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/v1/videos/{video_id}", tags=["videos"])
    failures = refused(*PLAYED, VideoNotReady, RangeUnsatisfiable)

    @router.head("/content", response_class=Response, include_in_schema=False)
    @router.get("/content", response_class=Response, responses=MP4_OR_PART | failures)
    async def get_content(video_id: VideoId, request: Request) -> Response:
        """The MP4, whole or in byte ranges."""
        record = (await service.find(video_id, owner_of(request))).record
        stored = await service.content(record.content_key) if record.status == "completed" else None
        if stored is None:
            raise VideoNotReady(f"The video has no content: it is {record.status}.", {"videoId": video_id})
        return play(service, stored, request, "private, max-age=86400")

    return router
