"""Errors to replies, in one place: RFC 9457 problem+json, for every route but the mobile one."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from deployments.errors import InvalidRequest, TalkingPhotoError

RETRY_AFTER_S = 5


def problem(status: int, code: str, detail: str, *, retryable: bool = False, **facts: Any) -> JSONResponse:  # noqa: ANN401
    """A problem document: `type, title, status, detail`, and ours: `code`, `retryable` and the facts of the error."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "retryable": retryable,
        **facts,
    }
    later = status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
    headers = {"Retry-After": str(facts.get("retry_after_s", RETRY_AFTER_S))} if later else None
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def invalid(error: RequestValidationError | ValidationError) -> InvalidRequest:
    """What FastAPI or a model found wrong, as a sentence that names the field."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "path", "query")) or "body"
    return InvalidRequest(f"{where}: {first['msg']}.", {"param": where})


async def _talking_photo_error(request: Request, error: TalkingPhotoError) -> JSONResponse:
    facts = {key: value for key, value in error.data.items() if key not in ("detail", "code", "status")}
    return problem(error.http_status, error.code, error.detail, retryable=error.retryable, **facts, **_asked(request))


async def _validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
    return await _talking_photo_error(request, invalid(error))


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    code = HTTPStatus(error.status_code).name.lower()
    response = problem(error.status_code, code, str(error.detail), **_asked(request))
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, _: Exception) -> JSONResponse:
    detail = "An error of ours, now in the log. Asking again may help."
    return problem(500, "internal", detail, retryable=True, **_asked(request))


def _asked(request: Request) -> dict[str, Any]:
    """The request's id, by which its lines in the log are found."""
    request_id = getattr(request.state, "request_id", None)
    return {"request_id": request_id} if request_id else {}


def install(api: FastAPI) -> None:
    """Make every error of `api` a problem document."""
    api.add_exception_handler(TalkingPhotoError, _talking_photo_error)  # type: ignore[arg-type]  # starlette's handler type is not generic
    api.add_exception_handler(RequestValidationError, _validation_error)  # type: ignore[arg-type]
    api.add_exception_handler(HTTPException, _http_error)  # type: ignore[arg-type]
    api.add_exception_handler(Exception, _unexpected)
