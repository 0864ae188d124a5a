"""CORS for what players in a browser fetch, and for nothing else."""

import re

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

PLAYED = re.compile(r"/v1/videos/[^/]+/(content|stream\.m3u8|stream/[^/]+)")

EXPOSED = ("Accept-Ranges", "Content-Length", "Content-Range", "ETag", "Retry-After")


class PlayerCors:
    """Lets a page of any origin play: GET and HEAD, preflight, errors too. Cookies have no meaning here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "HEAD"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
            max_age=86400,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        played = scope["type"] == "http" and PLAYED.fullmatch(scope["path"])
        await (self._open if played else self._app)(scope, receive, send)
