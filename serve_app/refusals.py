"""What a request gets that is turned away before any route sees it, in the shape of the route it asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi.responses import JSONResponse
from starlette.responses import Response
from starlette.types import Scope

from deployments.errors import TalkingPhotoError
from serve_app.problems import problem
from serve_app.schemas import MobileReply

Refuse = Callable[[Scope, TalkingPhotoError, Mapping[str, str]], Response]
"""Makes the reply to a request from its scope, the reason and the reply's headers."""

MOBILE_PATHS = ("/api/lipsync/", "/lipsync/")
DID_KINDS = {400: "BadRequestError", 401: "AuthorizationError", 429: "TooManyRequestsError"}


def refuse_in_shape(scope: Scope, error: TalkingPhotoError, headers: Mapping[str, str]) -> Response:
    """The mobile reply, D-ID's error, or a problem document."""
    path = str(scope["path"])
    if path.startswith(MOBILE_PATHS):
        reply = MobileReply(success=False, status="failed", error=error.detail)
        return JSONResponse(reply.model_dump(), error.http_status, dict(headers))
    if path == "/talks" or path.startswith("/talks/"):
        body = {"kind": DID_KINDS[error.http_status], "description": error.detail, "details": {}}
        return JSONResponse(body, error.http_status, dict(headers))
    facts: dict[str, Any] = {key: scope["state"][key] for key in ("request_id",) if key in scope.get("state", {})}
    response = problem(error.http_status, error.code, error.detail, retryable=error.retryable, **facts)
    response.headers.update(headers)
    return response
