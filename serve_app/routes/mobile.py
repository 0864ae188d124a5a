"""The mobile contract: one route, one reply shape, for success and for every error."""

from fastapi import APIRouter, Request, Response

from deployments.errors import NoFace, UnknownPoster
from deployments.jobs.order import VideoOrder
from serve_app.access import Asker
from serve_app.links import Links
from serve_app.openapi import BODY, LOOKUP, QUEUE, RENDERING, TEXT, Responses, refused
from serve_app.problems import retry_after
from serve_app.refusals import MOBILE
from serve_app.schemas import MobileReply, MobileRequest
from serve_app.service import Service


def make_router(service: Service, links: Links, wait_s: float) -> APIRouter:
    """Build the router."""
    router = APIRouter(tags=["mobile"])
    answers: Responses = {202: {"model": MobileReply, "description": "In work: ask again"}}
    answers |= refused(*LOOKUP, *BODY, UnknownPoster, *TEXT, NoFace, *QUEUE, *RENDERING, shape=MOBILE)

    @router.post("/lipsync/generate-talking-photo", responses=answers)
    async def generate_talking_photo(
        body: MobileRequest, request: Request, response: Response, caller: Asker
    ) -> MobileReply:
        """Make the poster say the text. `status` is `processing` where that takes longer than the wait: ask again."""
        voice_id = body.voiceId or "default"
        order = VideoOrder(poster_id=body.imageId, text=body.text, voice_id=voice_id, owner=caller.name)
        record = (await service.submit(order, wait_s, caller.concurrent_jobs)).record
        response.status_code = 200 if record.status == "completed" else 202
        if failure := record.failure:
            response.status_code = failure.http_status
            response.headers.update(retry_after(failure.http_status, failure.data))
        return MobileReply.of(record, await links.video(record, request))

    return router
