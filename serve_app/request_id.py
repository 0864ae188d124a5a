"""The request id: the caller's own or a new one, for problem documents; the answer and the log have it from Serve."""

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.errors import TalkingPhotoError
from serve_app.refusals import Refuse, refuse_in_shape

HEADER = "X-Request-Id"

_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class BadRequestId(TalkingPhotoError):
    """The caller's `X-Request-Id` is too long, or has characters that a log should not have."""

    code = "bad_request_id"
    http_status = 400


class RequestId:
    """ASGI middleware: puts `request_id` into the scope's state.

    Serve's proxy takes the caller's header or makes an id, logs it, and answers with it, all before this service sees
    the request. So an id that came with the request is answered there, and one made here (under another ASGI server)
    is answered here. A bad one is refused: a replacement would leave the answer and the log with two.
    """

    def __init__(self, app: ASGIApp, refuse: Refuse = refuse_in_shape) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its id."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER)
        if given is not None and not _SAFE.fullmatch(given):
            error = BadRequestId(f"{HEADER} must be 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-'.")
            await self._refuse(scope, error, {})(scope, receive, send)
            return
        request_id = given or uuid.uuid4().hex
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self._app(scope, receive, send if given else answering)
