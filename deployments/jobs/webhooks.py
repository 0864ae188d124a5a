"""Webhooks by the Standard Webhooks specification: told at least once, under one id, through restarts, over hours."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextvars
import itertools
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from pydantic import ValidationError
from standardwebhooks import Webhook

from deployments.errors import TalkingPhotoError
from deployments.jobs.deliveries import (
    DELIVERY_ID,
    PENDING,
    Attempt,
    Delivery,
    Key,
    Kind,
    UnknownDelivery,
    log_prefix,
    pending_prefix,
)
from deployments.outbound import OutboundPolicy, Resolver, check, post, system_resolver
from deployments.retry import root_cause

logger = logging.getLogger("ray.serve")

TIMEOUT_S = 15.0
SECRET_BYTES = range(24, 65)
"""What the specification asks of a symmetric secret."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - what they begin with

T = TypeVar("T")

STORE_AGAIN_AFTER_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


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
        self._since: dict[Key, datetime] = {}
        self._now = now
        self._sleep = sleep
        self._resolve = resolve

    @property
    def owed(self) -> tuple[int, float]:
        """How many deliveries are still to be made, and for how many seconds the oldest of them has been."""
        since = min(self._since.values(), default=None)
        return len(self._tasks), (self._now() - since).total_seconds() if since else 0.0

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
            delivery = Delivery.of(key, kind, url, data, now)
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
        keys = await self._storage.list.remote(log_prefix(video_id))
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
        for prefix in (pending_prefix(video_id), log_prefix(video_id)):
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
        self._since[key] = delivery.created_at if delivery.tried else delivery.next_attempt_at

    def _drop(self, key: Key, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
            del self._since[key]
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
