"""Who may call what: API keys, their rates, and signed URLs for what a phone plays."""

import base64
import binascii
import hashlib
import hmac
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.errors import TalkingPhotoError
from serve_app.access_settings import AccessSettings, ApiKey
from serve_app.rates import Rates
from serve_app.refusals import Refuse, refuse_in_shape
from serve_app.signing import Signer, is_played, is_signed

logger = logging.getLogger("ray.serve")

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
CHALLENGE = {"WWW-Authenticate": "Bearer"}
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class KeyMissing(TalkingPhotoError):
    """The environment does not hold a key that the settings name."""

    code = "key_missing"


class Unauthorized(TalkingPhotoError):
    """The request has no key, or none that is known."""

    code = "unauthorized"
    http_status = 401


class RateLimited(TalkingPhotoError):
    """The key's requests of the last minute are used up."""

    code = "rate_limited"
    http_status = 429
    retryable = True


@dataclass(frozen=True)
class Caller:
    """Who asks: the name of their key, and how many unfinished jobs it may have (none: no bound of its own)."""

    name: str
    concurrent_jobs: int | None


ANYONE = Caller("anyone", None)
"""The caller of a service without keys."""


async def caller_of(request: Request) -> Caller:  # not a plain function: FastAPI would give each call a thread
    """Who asks, for routes that need to know."""
    caller: Caller | None = request.state.caller
    return caller or ANYONE


def owner_of(request: Request) -> str | None:
    """Whose videos may be played: the caller's own; a signed URL names its video, whosever it is."""
    caller: Caller | None = request.state.caller
    return caller.name if caller else None


Asker = Annotated[Caller, Depends(caller_of)]


class Keyring:
    """The known keys, as digests. Raises `KeyMissing`."""

    def __init__(self, settings: AccessSettings) -> None:
        self._keys = tuple((bytes.fromhex(key.sha256 or _digest_of_environment(key)), key) for key in settings.keys)
        if not self._keys:
            logger.warning("no API keys are configured (access.keys): whoever reaches this service may use all of it")

    def __bool__(self) -> bool:
        return bool(self._keys)

    def find(self, headers: Headers) -> ApiKey | None:
        """The key that a request presents. How long that takes does not tell which key, or how much of one, matched."""
        shown = [hashlib.sha256(credential).digest() for credential in _credentials(headers) if credential]
        known = [key for digest, key in self._keys for one in shown if hmac.compare_digest(digest, one)]
        return known[0] if known else None


class Access:
    """ASGI middleware: puts `caller` into the scope's state, or turns the request away.

    `caller` is None where nobody has to be known: for health, and for a signed URL, which opens that one video.
    """

    def __init__(
        self,
        app: ASGIApp,
        keyring: Keyring,
        signer: Signer | None = None,
        rates: Rates | None = None,
        refuse: Refuse = refuse_in_shape,
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._signer = signer
        self._rates = rates or Rates()
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its caller may make it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif not self._keyring:
            await self._app(_with(scope, ANYONE), receive, send)
        elif key := self._keyring.find(Headers(scope=scope)):
            await self._known(key, scope, receive, send)
        else:
            await self._unknown(scope, receive, send)

    async def _known(self, key: ApiKey, scope: Scope, receive: Receive, send: Send) -> None:
        spent = self._rates.spend(key.name, key.requests_per_minute)
        if not spent.allowed:
            error = RateLimited(
                f"More than {key.requests_per_minute} requests in a minute: ask again in {spent.reset_s} s."
            )
            headers = spent.headers | {"Retry-After": str(spent.reset_s)}
            await self._refuse(scope, error, headers)(scope, receive, send)
            return
        caller = Caller(key.name, key.concurrent_jobs)
        await self._app(_with(scope, caller), receive, _adding(spent.headers, send))

    async def _unknown(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_open(scope)
        except TalkingPhotoError as error:
            headers = CHALLENGE if isinstance(error, Unauthorized) else {}
            await self._refuse(scope, error, headers)(scope, receive, send)
        else:
            await self._app(_with(scope, None), receive, send)

    def _check_open(self, scope: Scope) -> None:
        """Raises unless the request needs no key."""
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        if path in OPEN_PATHS:
            return
        if self._signer and scope.get("method") in READING and is_played(path) and is_signed(query):
            self._signer.verify(path, query, time.time())
            return
        raise Unauthorized("Send a known API key as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'.")


def _with(scope: Scope, caller: Caller | None) -> Scope:
    scope["state"] = {**scope.get("state", {}), "caller": caller}
    return scope


def _adding(headers: Mapping[str, str], send: Send) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return adding


def _credentials(headers: Headers) -> Iterator[bytes]:
    """What may be a key: D-ID's clients send Basic with the key as it is, or as user name or password."""
    yield headers.get("x-api-key", "").encode("latin-1")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    credential = value.strip().encode("latin-1")
    if scheme.lower() in ("bearer", "basic"):
        yield credential
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(credential, validate=True)
        except binascii.Error:
            return
        yield pair
        user, _, password = pair.partition(b":")
        yield user
        yield password


def _digest_of_environment(key: ApiKey) -> str:
    value = os.environ.get(key.env or "", "").strip()
    if not value:
        raise KeyMissing(f"The environment variable {key.env} must hold the API key {key.name!r}: set it.")
    return hashlib.sha256(value.encode()).hexdigest()
