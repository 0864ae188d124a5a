"""A video's stream: played while it is made, by anything that plays HLS."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request, Response

from deployments.errors import TalkingPhotoError, VideoNotReady
from deployments.jobs.records import ENDED, VideoRecord
from deployments.storage.store import StoredObject
from deployments.video.stream import ENDLIST, PLAYLIST_TYPE
from serve_app.access import owner_of
from serve_app.openapi import MP4_OR_PART, PLAYED, Responses, refused
from serve_app.playing import play
from serve_app.playlist import linked
from serve_app.problems import problem_of
from serve_app.ranges import RangeUnsatisfiable
from serve_app.schemas import VideoId
from serve_app.service import Service

RETRY_AFTER_S = 1
PLAYLIST_MAX_BYTES = 1 << 20  # one reading, so that it is of one version; four hours of video have less
SIGNATURE = ("exp", "sig")
"""What a signed URL carries in its query; segments are signed with their playlist."""

SegmentName = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,100}$", examples=["segment-1.m4s"])]

PLAYLIST = {
    "schema": {"type": "string"},
    "example": "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:EVENT\n"
    '#EXT-X-MAP:URI="stream/init.mp4"\n#EXTINF:0.960,\nstream/segment-1.m4s\n',
}


class UnknownSegment(TalkingPhotoError):
    """No segment of the video has that name."""

    code = "unknown_segment"
    http_status = 404


class StreamUnavailable(TalkingPhotoError):
    """The video has no whole stream, and will not have one: it failed, or its segments could not be stored."""

    code = "stream_unavailable"
    http_status = 410


def make_router(service: Service) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/v1/videos/{video_id}", tags=["videos"])
    playlist_responses: Responses = {200: {"content": {PLAYLIST_TYPE: PLAYLIST}}}
    playlist_responses |= refused(*PLAYED, VideoNotReady, StreamUnavailable)
    segment_responses = MP4_OR_PART | refused(*PLAYED, UnknownSegment, RangeUnsatisfiable)

    @router.head("/stream.m3u8", response_class=Response, include_in_schema=False)
    @router.get("/stream.m3u8", response_class=Response, responses=playlist_responses)
    async def get_stream(video_id: VideoId, request: Request) -> Response:
        """The HLS playlist: grows by each segment that is encoded, ends with the video. 409 before the first."""
        record = (await service.find(video_id, owner_of(request))).record
        in_work = record.status not in ENDED
        stored = await service.content(f"{record.stream_prefix}/stream.m3u8")
        if stored is None and in_work:
            return _not_ready(record)
        playlist = await _text(service, stored) if stored else ""
        whole = ENDLIST in playlist
        if not (in_work or (whole and record.status == "completed")):
            raise StreamUnavailable(
                f"The video is {record.status} and has no whole stream; play its content if it is completed.",
                {"videoId": video_id},
            )
        query = urlencode({name: request.query_params[name] for name in SIGNATURE if name in request.query_params})
        headers = {"Cache-Control": "private, max-age=86400" if whole else "no-cache"}
        return Response(linked(playlist, "stream", query), 200, headers, PLAYLIST_TYPE)

    @router.head("/stream/{name}", response_class=Response, include_in_schema=False)
    @router.get("/stream/{name}", response_class=Response, responses=segment_responses)
    async def get_segment(video_id: VideoId, name: SegmentName, request: Request) -> Response:
        """The stream's init segment or a media segment, by its name in the playlist."""
        record = (await service.find(video_id, owner_of(request))).record
        stored = await service.content(f"{record.stream_prefix}/{name}")
        if stored is None:
            raise UnknownSegment(f"The video has no segment {name!r}: see its playlist.", {"videoId": video_id})
        return play(service, stored, request, "private, max-age=86400, immutable")

    return router


async def _text(service: Service, stored: StoredObject) -> str:
    return b"".join([piece async for piece in service.read(stored.key, 0, PLAYLIST_MAX_BYTES)]).decode()


def _not_ready(record: VideoRecord) -> Response:
    detail = f"The video has no segment yet: it is {record.status}. Ask again."
    answer = problem_of(VideoNotReady(detail, {"videoId": record.id}))
    answer.headers.update({"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-cache"})
    return answer
