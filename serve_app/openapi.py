"""The OpenAPI document: what FastAPI knows, with operationIds, examples, every error, and who may call."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from deployments import errors
from deployments.errors import TalkingPhotoError
from deployments.outbound import UrlFailed, UrlRefused, UrlUnusable
from serve_app.access import OPEN_PATHS, RateLimited, Unauthorized
from serve_app.examples import EXAMPLES
from serve_app.problems import BadRequest, BodyTooLarge, Unexpected
from serve_app.refusals import PROBLEM, TALK, Shape
from serve_app.request_id import BadRequestId
from serve_app.signing import BadSignature, UrlExpired
from serve_app.video_options import ONE_OF_EACH
from serve_app.video_request import VideoRequest

Responses = dict[int | str, dict[str, Any]]
Kinds = tuple[type[TalkingPhotoError], ...]

REF = "#/components/schemas/{model}"

EVERYWHERE: Kinds = (BadRequestId, Unauthorized, RateLimited, Unexpected)
LOOKUP: Kinds = (errors.InvalidRequest, errors.StageFailed, errors.StorageUnavailable)
BODY: Kinds = (BadRequest, BodyTooLarge)
PICTURE: Kinds = (
    errors.UnreadableImage,
    errors.ImageTooLarge,
    errors.UnreadableClip,
    errors.ClipTooLarge,
    errors.ClipUnsupported,
    errors.NoFace,
)
TEXT: Kinds = (
    errors.EmptyText,
    errors.TextTooLong,
    errors.UnspeakableText,
    errors.UnknownVoice,
    errors.VoiceLanguageMismatch,
)
SOUND: Kinds = (errors.UnreadableAudio, errors.AudioTooLong)
ADDRESSES: Kinds = (UrlRefused, UrlFailed, UrlUnusable)
QUEUE: Kinds = (errors.TooManyJobs, errors.QueueFull)
RENDERING: Kinds = (errors.SpeechServerFailed, errors.DeadlineExceeded)
PLAYED: Kinds = (*LOOKUP, errors.UnknownVideo, BadSignature, UrlExpired)

BYTES = {"schema": {"type": "string", "format": "binary"}}


def played(content: dict[str, Any]) -> Responses:
    """The replies of what `play` answers."""
    return {
        200: {"content": content},
        206: {"description": "The bytes of the header Range", "content": content},
        304: {"description": "What the caller holds, by the header If-None-Match, is still true"},
    }


MP4_OR_PART = played({"video/mp4": BYTES})

ASK_AGAIN = {"Retry-After": {"required": True, "description": "Seconds.", "schema": {"type": "integer"}}}

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "signature": {"type": "apiKey", "in": "query", "name": "sig", "description": "Of a signed URL, with its `exp`."},
}


def operation_id(route: APIRoute) -> str:
    """The function's name as clients write it: createVideo."""
    first, *others = route.name.split("_")
    return first + "".join(word.title() for word in others)


def refused(*kinds: type[TalkingPhotoError], shape: Shape = PROBLEM) -> Responses:
    """The replies to these errors, and to those of every route, each made as the service makes it."""
    responses: Responses = {}
    for kind in (*EVERYWHERE, *kinds):
        reply = shape.reply(kind(_sentence(kind)))
        schema = {"$ref": REF.format(model=shape.model.__name__)}
        told: dict[str, Any] = {
            "description": HTTPStatus(reply.status_code).phrase,
            "headers": ASK_AGAIN if "retry-after" in reply.headers else {},
            "content": {reply.media_type: {"schema": schema, "examples": {}}},
        }
        known = responses.setdefault(reply.status_code, told)
        known["content"][reply.media_type]["examples"][kind.code] = {"value": json.loads(bytes(reply.body))}
    return responses


def _sentence(kind: type[TalkingPhotoError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def describe(api: FastAPI, *, keyed: bool) -> None:
    """Complete the document of `api`; `keyed` tells whether callers need a key."""
    document = api.openapi()
    schemas = document["components"]["schemas"]
    models: tuple[type[BaseModel], ...] = (VideoRequest, PROBLEM.model, TALK.model)
    for model in models:
        schemas[model.__name__] = model.model_json_schema(ref_template=REF)
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    for name in ("VideoForm", "VideoRequest"):
        schemas[name]["allOf"] = [_one_of(ways, schemas[name]["properties"]) for ways in ONE_OF_EACH]
    _forget_fastapis_errors(document)
    if keyed:
        _lock(document)


def _one_of(ways: Iterable[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Exactly one of these fields is given; null is not."""
    return {"oneOf": [{"required": [way], "properties": {way: {"type": "string"}}} for way in ways if way in known]}


def _forget_fastapis_errors(document: dict[str, Any]) -> None:
    """FastAPI tells a 422 of its own for routes that have parameters and tell none: here all errors are told."""
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _lock(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = SCHEMES
    for path, operations in document["paths"].items():
        known: tuple[str, ...] = () if path in OPEN_PATHS else ("bearer", "key")
        for operation in operations.values():
            signed = ("signature",) if "403" in operation["responses"] else ()
            operation["security"] = [{name: []} for name in (*known, *signed)]
