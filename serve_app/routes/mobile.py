"""The mobile contract: one route, one reply shape, for success and for every error."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from deployments.errors import TalkingPhotoError
from deployments.jobs.order import VideoOrder
from serve_app.access import Asker
from serve_app.links import Links
from serve_app.problems import invalid
from serve_app.schemas import MobileReply, MobileRequest
from serve_app.service import Service

logger = logging.getLogger("ray.serve")


class MobileRoute(APIRoute):
    """Turns whatever goes wrong into the mobile shape, with the right HTTP status."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()

        async def in_shape(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return _failed(422, invalid(error).detail)
            except TalkingPhotoError as error:
                return _failed(error.http_status, error.detail)
            except HTTPException as error:
                return _failed(error.status_code, str(error.detail))
            except Exception:
                logger.exception("the mobile route failed")
                return _failed(500, "An error of ours, now in the log. Asking again may help.")

        return in_shape


def _failed(http_status: int, sentence: str) -> JSONResponse:
    return JSONResponse(MobileReply(success=False, status="failed", error=sentence).model_dump(), http_status)


def make_router(service: Service, links: Links, wait_s: float) -> APIRouter:
    """Build the router."""
    router = APIRouter(route_class=MobileRoute, tags=["mobile"])

    @router.post("/lipsync/generate-talking-photo", response_model=MobileReply)
    async def generate_talking_photo(body: MobileRequest, request: Request, caller: Asker) -> JSONResponse:
        """Make the poster say the text. `status` is `processing` where that takes longer than the wait: ask again."""
        voice_id = body.voiceId or "default"
        order = VideoOrder(poster_id=body.imageId, text=body.text, voice_id=voice_id, owner=caller.name)
        record = (await service.submit(order, wait_s, caller.concurrent_jobs)).record
        reply = MobileReply.of(record, await links.video(record, request))
        http_status = record.failure.http_status if record.failure else 200 if record.status == "completed" else 202
        return JSONResponse(reply.model_dump(), http_status)

    return router
