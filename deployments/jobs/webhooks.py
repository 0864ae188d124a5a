"""Webhooks by the Standard Webhooks specification: told at least once, under one id, through restarts and over hours.

`webhooks/log/<video id>/<delivery id>.json` is a delivery with its attempts, kept until the video is deleted;
`webhooks/pending/<video id>/<delivery id>` exists while it is still to be made, so that a restart finds it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextvars
import hashlib
import itertools
import json
import logging
import os
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict, ValidationError
from standardwebhooks import Webhook

from deployments.errors import TalkingPhotoError
from deployments.outbound import OutboundPolicy, Resolver, check, post, system_resolver
from deployments.retry import root_cause

logger = logging.getLogger("ray.serve")

Kind = Literal["video.completed", "video.failed", "video.canceled"]

DELAYS_S = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)
"""Before each attempt, after the one before (https://www.standardwebhooks.com: the schedule of its authors)."""

JITTER = (0.9, 1.1)
"""Receivers that were away do not get everything in one second."""

TIMEOUT_S = 15.0
MAX_BODY_BYTES = 20_000
SECRET_BYTES = range(24, 65)
"""What the specification asks of a symmetric secret."""

GONE = 410

SECRET_PREFIX = "whsec_"  # noqa: S105 - what they begin with
PENDING = "webhooks/pending/"
DELIVERY_ID = r"msg_[0-9a-f]{32}"

T = TypeVar("T")

STORE_AGAIN_AFTER_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class UnknownDelivery(TalkingPhotoError):
    """The video has no webhook delivery with that id."""

    code = "unknown_delivery"
    http_status = 404


class Attempt(BaseModel):
    """One request to the receiver: the status that it answered, or what kept it from answering."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    status: int | None = None
    error: str | None = None
    seconds: float


class Delivery(BaseModel):
    """One message to one receiver. `tried` counts the attempts since it was announced, or last asked for again."""

    model_config = ConfigDict(frozen=True)

    id: str
    video_id: str
    kind: Kind
    url: str
    body: str
    created_at: datetime
    state: Literal["pending", "delivered", "failed"] = "pending"
    tried: int = 0
    next_attempt_at: datetime | None
    attempts: list[Attempt] = []

    def after(self, attempt: Attempt, now: datetime) -> Delivery:
        """The delivery with one more attempt: done, given up, or due again."""
        tried = self.tried + 1
        made = self.model_copy(
            update={"attempts": [*self.attempts, attempt], "tried": tried, "next_attempt_at": None, "state": "failed"}
        )
        if attempt.status is not None and 200 <= attempt.status < 300:
            return made.model_copy(update={"state": "delivered"})
        if attempt.status == GONE or tried == len(DELAYS_S):
            return made
        delay = timedelta(seconds=DELAYS_S[tried] * random.uniform(*JITTER))  # noqa: S311 - no secret
        return made.model_copy(update={"state": "pending", "next_attempt_at": now + delay})

    def again(self, now: datetime) -> Delivery:
        """The delivery as if it had just been announced, with its past."""
        return self.model_copy(update={"state": "pending", "tried": 0, "next_attempt_at": now})


class Key(NamedTuple):
    """Where a delivery is kept."""

    video_id: str
    delivery_id: str

    @classmethod
    def of(cls, video_id: str, kind: Kind, run: str) -> Key:
        """The same for the same event, however often it is announced."""
        event = json.dumps([video_id, kind, run]).encode()
        return cls(video_id, "msg_" + hashlib.sha256(event).hexdigest()[:32])

    @property
    def log(self) -> str:
        """The storage key of the delivery."""
        return f"{_log_prefix(self.video_id)}{self.delivery_id}.json"

    @property
    def marker(self) -> str:
        """The storage key that exists while it is pending."""
        return f"{_pending_prefix(self.video_id)}{self.delivery_id}"


class Webhooks:
    """Announces what became of videos, in the background of the event loop it is used in.

    `secrets` (`whsec_` and base64 of 24 to 64 bytes) all sign: the new one and, while it is rotated, the old one.
    At most `concurrent` requests are under way, of them `per_host` to one host, so that one which hangs holds up none
    of the others'.
    """

    def __init__(
        self,
        storage: Any,  # noqa: ANN401 - a handle
        secrets: Sequence[str],
        policy: OutboundPolicy,
        *,
        concurrent: int = 32,
        per_host: int = 2,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        resolve: Resolver = system_resolver,
    ) -> None:
        if not secrets:
            raise ValueError("Webhooks need a secret to sign with.")
        self._storage = storage
        self._signers = [Webhook(_secret_bytes(secret)) for secret in secrets]
        self._policy = replace(policy, total_s=min(policy.total_s, TIMEOUT_S))
        self._places = asyncio.Semaphore(concurrent)
        self._per_host = per_host
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._now = now
        self._sleep = sleep
        self._resolve = resolve

    async def check(self, url: str) -> None:
        """Raise `UrlRefused` or `UrlFailed` for an address that will never be told anything; none is connected to."""
        await check(url, self._policy, param="webhook", resolve=self._resolve)

    async def announce(self, video_id: str, url: str, kind: Kind, data: dict[str, Any], *, run: str) -> None:
        """Store the delivery, then make it in the background; announced again, the same event changes nothing.

        `run` tells one piece of work on the video from the next, and is the same after a restart. Data that is too
        long for a webhook is replaced by `id`, `status` and `truncated`. Raises `StorageUnavailable`.
        """
        key, now = Key.of(video_id, kind, run), self._now()
        delivery = await self._load(key)
        if delivery is None:
            body = _body(video_id, kind, now, data)
            delivery = Delivery(
                id=key.delivery_id,
                video_id=video_id,
                kind=kind,
                url=url,
                body=body,
                created_at=now,
                next_attempt_at=now,
            )
            await self._accept(key, delivery)
        self._schedule(key, delivery)

    async def resume(self) -> int:
        """Take up what earlier lives have left pending; return how many."""
        found = 0
        for marker in await self._storage.list.remote(PENDING):
            key = Key(*marker.split("/")[-2:])
            if key in self._tasks:
                continue
            try:
                delivery = await self._load(key)
            except ValidationError as error:
                logger.error("the webhook delivery %s cannot be read: %s", key.delivery_id, error.error_count())
                continue
            if delivery is None:  # that life ended in `_accept`: who announces it again finds it new
                continue
            if delivery.state == "pending":
                self._schedule(key, delivery)
                found += 1
            else:  # that life ended in `_keep`
                await self._write("delete", key.marker)
        return found

    async def deliveries(self, video_id: str) -> list[Delivery]:
        """The deliveries of a video, oldest first."""
        keys = await self._storage.list.remote(_log_prefix(video_id))
        found = await asyncio.gather(*(self._load(Key(video_id, PurePosixPath(key).stem)) for key in keys))
        return sorted(filter(None, found), key=lambda delivery: delivery.created_at)

    async def redeliver(self, video_id: str, delivery_id: str) -> Delivery:
        """Begin again, now, under the same id, whatever came of it so far. Raises `UnknownDelivery`."""
        key = Key(video_id, delivery_id)
        known = re.fullmatch(DELIVERY_ID, delivery_id)
        delivery = await self._load(key) if known else None
        if delivery is None:
            raise UnknownDelivery(
                f"The video {video_id!r} has no webhook delivery {delivery_id!r}; list its deliveries.",
                {"deliveryId": delivery_id},
            )
        delivery = delivery.again(self._now())
        await self._stop([key])
        try:
            await self._accept(key, delivery)
        finally:
            self._schedule(key, delivery)
        return delivery

    async def forget(self, video_id: str) -> None:
        """Stop telling of a video, and remove all that was kept of it."""
        await self._stop([key for key in self._tasks if key.video_id == video_id])
        for prefix in (_pending_prefix(video_id), _log_prefix(video_id)):
            for stored in await self._storage.list.remote(prefix):
                await self._write("delete", stored)

    def _schedule(self, key: Key, delivery: Delivery) -> None:
        """Make it when it is due, apart from the request that asked; the task holds no body while it waits."""
        if delivery.next_attempt_at is None or ((running := self._tasks.get(key)) and not running.done()):
            return
        host = delivery.url.partition("://")[2].partition("/")[0].lower()
        deliver = self._deliver(key, host, delivery.next_attempt_at)
        task = self._tasks[key] = asyncio.create_task(deliver, context=contextvars.Context())
        task.add_done_callback(lambda done: self._drop(key, done))

    def _drop(self, key: Key, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled() and (error := task.exception()):
            logger.error("the webhook delivery %s broke: %s", key.delivery_id, type(error).__name__)

    async def _stop(self, keys: list[Key]) -> None:
        tasks = [self._tasks[key] for key in keys if key in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, key: Key, host: str, due: datetime | None) -> None:
        while due is not None:
            while (wait_s := (due - self._now()).total_seconds()) > 0:
                await self._sleep(wait_s)
            async with self._place(host):
                due = await self._attempt(key)

    @asynccontextmanager
    async def _place(self, host: str) -> AsyncIterator[None]:
        """A place among the requests to that host, then one among all: who waits for the first holds none."""
        places = self._hosts.setdefault(host, asyncio.Semaphore(self._per_host))
        async with places, self._places:
            yield

    async def _attempt(self, key: Key) -> datetime | None:
        """Make one attempt, record it, and return when the next is due."""
        delivery = await self._insist(lambda: self._load(key))
        if delivery is None or delivery.state != "pending":
            return None
        attempt = await self._send(delivery)
        logger.info("webhook %s of %s: %s", delivery.id, delivery.video_id, attempt.status or attempt.error)
        made = delivery.after(attempt, self._now())
        await self._insist(lambda: self._keep(key, made))
        return made.next_attempt_at

    async def _send(self, delivery: Delivery) -> Attempt:
        at, began = self._now(), time.perf_counter()
        status = error = None
        try:
            headers = self._headers(delivery, at)
            content = delivery.body.encode()
            posted = await post(delivery.url, self._policy, content, headers, param="webhook", resolve=self._resolve)
            status = posted.status
        except TalkingPhotoError as failed:
            error = failed.detail
        except Exception as failed:  # whatever a stranger's server does, the schedule goes on
            error = f"The request broke ({type(failed).__name__})."
        return Attempt(at=at, status=status, error=error, seconds=round(time.perf_counter() - began, 3))

    def _headers(self, delivery: Delivery, at: datetime) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signer.sign(delivery.id, at, delivery.body) for signer in self._signers),
        }

    async def _load(self, key: Key) -> Delivery | None:
        data = await self._storage.find.remote(key.log)
        return None if data is None else Delivery.model_validate_json(data)

    async def _accept(self, key: Key, delivery: Delivery) -> None:
        await self._write("put", key.marker, key.delivery_id.encode(), "text/plain")
        await self._keep(key, delivery)  # second: a marker alone is harmless, a delivery alone is forgotten

    async def _keep(self, key: Key, delivery: Delivery) -> None:
        await self._write("put", key.log, delivery.model_dump_json().encode(), "application/json")
        if delivery.state != "pending":
            await self._write("delete", key.marker)

    async def _write(self, method: str, *args: str | bytes) -> None:
        """Change storage. Cancelled, it waits: a change that is under way would overtake the one that comes after."""
        change = asyncio.ensure_future(getattr(self._storage, method).remote(*args))
        try:
            await asyncio.shield(change)
        except asyncio.CancelledError:
            await asyncio.wait({change})
            raise

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call until storage answers. A `ValidationError` is an answer."""
        pauses_s = itertools.chain(STORE_AGAIN_AFTER_S, itertools.repeat(STORE_AGAIN_AFTER_S[-1]))
        while True:
            try:
                return await call()
            except ValidationError:
                raise
            except Exception as error:
                logger.warning("a webhook waits for storage: %s", root_cause(error))
                await self._sleep(next(pauses_s))


def new_secret() -> str:
    """A secret to sign with, from the system's randomness."""
    return SECRET_PREFIX + base64.b64encode(os.urandom(32)).decode()


def _secret_bytes(secret: str) -> bytes:
    """The key in a secret; what is wrong with it is told without it."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise ValueError("A webhook secret must be whsec_ and the base64 of 24 to 64 random bytes.")
    return key


def _body(video_id: str, kind: Kind, now: datetime, data: dict[str, Any]) -> str:
    body = _message(kind, now, data)
    if len(body.encode()) < MAX_BODY_BYTES:
        return body
    logger.warning("the webhook of %s tells only its status: its data is over %d bytes", video_id, MAX_BODY_BYTES)
    return _message(kind, now, {"id": video_id, "status": kind.removeprefix("video."), "truncated": True})


def _message(kind: Kind, now: datetime, data: dict[str, Any]) -> str:
    timestamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {"type": kind, "timestamp": timestamp, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _log_prefix(video_id: str) -> str:
    return f"webhooks/log/{video_id}/"


def _pending_prefix(video_id: str) -> str:
    return f"{PENDING}{video_id}/"
