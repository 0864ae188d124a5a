"""What a request gets that fails, before or in a route: every error in the shape of the route that was asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from deployments.errors import TalkingPhotoError
from serve_app.problems import MethodNotAllowed, ProblemDetails, error_of, problem_of, retry_after
from serve_app.schemas import MobileReply
from serve_app.talks_schemas import TalkProblem, kind_of

Refuse = Callable[[Scope, TalkingPhotoError, Mapping[str, str]], Response]
"""Makes the reply to a request from its scope, the reason and the reply's headers."""


@dataclass(frozen=True)
class Shape:
    """How some routes tell errors: the model of the body, and the reply to an error (and the request's facts)."""

    model: type[BaseModel]
    reply: Callable[..., JSONResponse]


def _mobile(error: TalkingPhotoError, **_: object) -> JSONResponse:
    body = MobileReply(success=False, status="failed", error=error.detail)
    return JSONResponse(body.model_dump(), error.http_status, retry_after(error.http_status, error.data))


def _talk(error: TalkingPhotoError, **_: object) -> JSONResponse:
    http_status = 400 if error.http_status == 422 else error.http_status  # D-ID has no 422
    body = TalkProblem(kind=kind_of(error.code, http_status), description=error.detail, details=error.data)
    return JSONResponse(body.model_dump(), http_status, retry_after(http_status, error.data))


PROBLEM = Shape(ProblemDetails, problem_of)
MOBILE = Shape(MobileReply, _mobile)
TALK = Shape(TalkProblem, _talk)


def shape_of(path: str) -> Shape:
    """The mobile reply, D-ID's error, or a problem document."""
    if path.startswith(("/api/lipsync/", "/lipsync/")):
        return MOBILE
    return TALK if path == "/talks" or path.startswith("/talks/") else PROBLEM


def refuse_in_shape(scope: Scope, error: TalkingPhotoError, headers: Mapping[str, str]) -> Response:
    """The reply to a request that fails; a problem document has the request's id, by which the log is searched."""
    facts: dict[str, Any] = {key: scope["state"][key] for key in ("request_id",) if key in scope.get("state", {})}
    response = shape_of(str(scope["path"])).reply(error, **facts)
    response.headers.update(headers)
    return response


async def _refused(request: Request, failure: Exception) -> Response:
    error = error_of(failure)
    allow = {"Allow": _methods(request)} if isinstance(error, MethodNotAllowed) else {}
    return refuse_in_shape(request.scope, error, allow)


def _methods(request: Request) -> str:
    """Those of all routes of the path (starlette names the first's); a fixed path goes before one with parameters."""
    routes = [
        route for route in iter_route_contexts(request.app.routes) if route.matches(request.scope)[0] != Match.NONE
    ]
    parameters = min(str(route.path).count("{") for route in routes)
    fitting = [route.methods or () for route in routes if str(route.path).count("{") == parameters]
    return ", ".join(sorted({method for methods in fitting for method in methods}))


def install(api: FastAPI) -> None:
    """Answer every error of `api` in its route's shape."""
    for kind in (TalkingPhotoError, RequestValidationError, HTTPException, Exception):
        api.add_exception_handler(kind, _refused)
