"""Failures to errors of the family, and errors to RFC 9457 problem+json."""

from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from deployments.errors import InvalidRequest, TalkingPhotoError

RETRY_AFTER_S = 5


class BadRequest(TalkingPhotoError):
    """The body cannot be read."""

    code = "bad_request"
    http_status = 400


class NotFound(TalkingPhotoError):
    """There is no such route."""

    code = "not_found"
    http_status = 404


class MethodNotAllowed(TalkingPhotoError):
    """The route has other methods; the header Allow names them."""

    code = "method_not_allowed"
    http_status = 405


class BodyTooLarge(TalkingPhotoError):
    """The request is over the limit of bytes."""

    code = "request_entity_too_large"
    http_status = 413


class Unexpected(TalkingPhotoError):
    """An error of ours, now in the log. Asking again may help."""

    retryable = True


OF_HTTP = {error.http_status: error for error in (BadRequest, NotFound, MethodNotAllowed, BodyTooLarge)}
"""What starlette and FastAPI raise by themselves."""


class ProblemDetails(BaseModel):
    """Why a request was refused: `detail` is for people, `code` for programs. Some have more: `param`, `known`."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    request_id: str | None = Field(default=None, description="Its lines in the log have it, too.")


def error_of(failure: Exception) -> TalkingPhotoError:
    """What a failure means to the caller."""
    if isinstance(failure, TalkingPhotoError):
        return failure
    if isinstance(failure, RequestValidationError):
        return invalid(failure)
    if isinstance(failure, HTTPException) and (known := OF_HTTP.get(failure.status_code)):
        return known(str(failure.detail))
    return Unexpected("An error of ours, now in the log. Asking again may help.")


def invalid(error: RequestValidationError | ValidationError) -> InvalidRequest:
    """What FastAPI or a model found wrong, as a sentence that names the field."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "path", "query")) or "body"
    return InvalidRequest(f"{where}: {first['msg']}.", {"param": where})


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
    return JSONResponse(body, status, retry_after(status, facts), media_type="application/problem+json")


def problem_of(error: TalkingPhotoError, **facts: Any) -> JSONResponse:  # noqa: ANN401
    """The problem document of an error."""
    known = {key: value for key, value in error.data.items() if key not in ("detail", "code", "status")}
    return problem(error.http_status, error.code, error.detail, retryable=error.retryable, **known, **facts)


def retry_after(status: int, facts: dict[str, Any]) -> dict[str, str]:
    """The header that says when to ask again, where that is what the status means."""
    later = status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
    return {"Retry-After": str(facts.get("retry_after_s", RETRY_AFTER_S))} if later else {}
