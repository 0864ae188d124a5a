"""Answers as players expect them: ranges, validators, HEAD."""

from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from deployments.storage.store import StoredObject
from serve_app.problems import problem_of
from serve_app.ranges import ByteRange, RangeUnsatisfiable, parse_range
from serve_app.service import Service


def play(service: Service, stored: StoredObject, request: Request, cache_control: str) -> Response:
    """The object: strong ETag, 304, 206 with Content-Range, 416; HEAD without the body."""
    etag, size = f'"{stored.etag}"', stored.size_bytes
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": cache_control}
    held = request.headers.get("if-none-match", "")
    if etag in held or held.strip() == "*":
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    whole = request.method == "HEAD" or request.headers.get("if-range", etag) != etag
    asked = None if whole else request.headers.get("range")
    try:
        part = parse_range(asked, size)
    except RangeUnsatisfiable as error:
        refused = problem_of(error)
        refused.headers.update(headers | {"Content-Range": f"bytes */{size}"})
        return refused
    status = HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK
    span = part or ByteRange(0, size)
    headers["Content-Length"] = str(span.stop - span.start)
    if part:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=stored.content_type)
    return StreamingResponse(
        service.read(stored.key, span.start, span.stop), status, headers, media_type=stored.content_type
    )
