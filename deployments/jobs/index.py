"""Jobs: an order becomes one piece of work, however many ask for it, and ends completed, failed or canceled."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from deployments.errors import (
    IdempotencyMismatch,
    QueueFull,
    StorageUnavailable,
    TooManyJobs,
    UnknownVideo,
)
from deployments.jobs.dedupe import Dedupe
from deployments.jobs.order import Capabilities, VideoOrder
from deployments.jobs.pipeline import Pipeline, Trace
from deployments.jobs.records import ENDED, Records, VideoRecord
from deployments.jobs.renders import Render, Renders
from deployments.retry import root_cause

logger = logging.getLogger("ray.serve")

CacheState = Literal["hit", "joined", "miss"]

ACCEPT_WITHIN_S = 5.0
"""How long a caller is kept whose order storage does not take."""

STORE_AGAIN_AFTER_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

SEEN = 10_000
"""Videos whose sight is remembered, 200 bytes each."""

CONTENT_TRUSTED_S = 30.0
"""How long a video that was seen in the store is taken to be there still: the store is not asked for each answer."""


class Answer(NamedTuple):
    """A record as of now, and whether its work was already done, already under way, or begun by this request.

    While it is in work, `position` is how many go before it, `estimated_s` when it may be done, and `frames_done` of
    `frames` are encoded.
    """

    record: VideoRecord
    cache: CacheState | None = None
    position: int | None = None
    estimated_s: float | None = None
    frames_done: int | None = None
    frames: int | None = None


@dataclass(frozen=True)
class Limits:
    """What is taken on: `queue` orders in all, whatever their owner's own limit."""

    queue: int = 200


class Job:
    """A video in work: a request's own, while its render may be shared."""

    def __init__(self, record: VideoRecord, most: int | None) -> None:
        self._record = record
        self.most = most
        self.taken = False  # counts against the limits, also while it is being stored
        self.accepted = asyncio.Event()
        self.stop = asyncio.Event()
        self.cache: CacheState = "miss"
        self.render: Render | None = None
        self.task: asyncio.Task[VideoRecord]

    @property
    def record(self) -> VideoRecord:
        """The record as of now."""
        trace = self.render.trace if self.render else Trace()
        status = "queued" if trace.stage is None else "processing"
        timings_s, started_at = dict(trace.timings_s), trace.started_at
        return self._record.with_(status=status, stage=trace.stage, timings_s=timings_s, started_at=started_at)

    def since(self, record: VideoRecord) -> None:
        """Take over when an earlier video of the same id was first asked for."""
        self._record = self._record.with_(created_at=record.created_at)


class JobIndex:
    """The index of work in flight, in front of records and renders. `counts` tells hits, joins and misses.

    `announce` is told of every end of a video that has a webhook, `measure` of every end of the work on one. `apart`
    makes the context in which a video's work runs: not the request's own, whose cancellation would end it.
    """

    def __init__(
        self,
        records: Records,
        dedupe: Dedupe,
        pipeline: Pipeline,
        running: int,
        limits: Limits = Limits(),
        deadline_s: float = math.inf,
        announce: Callable[[VideoRecord], Awaitable[None]] | None = None,
        apart: Callable[[str], contextvars.Context] = lambda _: contextvars.Context(),
        measure: Callable[[VideoRecord], None] = lambda _: None,
    ) -> None:
        self._records = records
        self._dedupe = dedupe
        self._renders = Renders(pipeline, running, deadline_s)
        self._limits = limits
        self._announce = announce
        self._apart = apart
        self._measure = measure
        self._jobs: dict[str, Job] = {}
        self._seen: dict[str, float] = {}  # content keys, and when they were seen in the store
        self.counts: Counter[str] = Counter()

    @property
    def working(self) -> Counter[str]:
        """How many accepted videos are in each state of work: `queued`, `processing`."""
        return Counter(job.record.status for job in self._jobs.values() if job.taken)

    def resize(self, running: int, queue: int) -> None:
        """Run so many at once from now on, and take on so many; what is in work goes on."""
        self._limits = Limits(queue)
        self._renders.resize(running)

    async def submit(
        self,
        order: VideoOrder,
        able: Capabilities,
        wait_s: float,
        most: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Return the finished video, or after `wait_s` seconds its state; from then on it is in the records.

        `most` is how many its owner may have in work. Raises `QueueFull`, `TooManyJobs`, `IdempotencyMismatch`.
        """
        fingerprint = order.fingerprint()
        order = order.checked(able)
        if idempotency_key and not await self._records.kept(order.owner, idempotency_key, fingerprint):
            raise IdempotencyMismatch("This Idempotency-Key was used for another order: choose a new one.")
        video_id = order.video_id(able)
        joined = video_id in self._jobs
        record = VideoRecord(id=video_id, content_id=order.content_id(able), order=order, engine=order.engine)
        job = self._jobs.get(video_id) or self._begin(record, most)
        ended = await self._wait(job, wait_s)
        cache: CacheState = "joined" if joined and job.cache == "miss" else job.cache
        self.counts[cache] += 1
        return self._answer(job, ended)._replace(cache=cache)

    async def find(self, video_id: str, owner: str | None = None) -> Answer:
        """The video as it stands, if it is that owner's (or whose ever). Raises `UnknownVideo`."""
        job = self._jobs.get(video_id)
        working = job is not None and job.accepted.is_set()  # before that it may turn out to be done already
        record = (
            job.record if job and working else await self._dedupe.get(video_id) or await self._records.load(video_id)
        )
        if record is None or owner not in (None, record.order.owner):
            raise UnknownVideo(f"There is no video {video_id!r}.", {"videoId": video_id})
        return self._answer(job, record) if job and working else Answer(record)

    async def page(self, owner: str, after: str, limit: int) -> tuple[list[Answer], str | None]:
        """An owner's videos, the newest first, and the cursor for more of them."""
        records, cursor = await self._records.page(owner, after, limit)
        found = [self._jobs.get(record.id) for record in records]
        answers = [self._answer(job, job.record) if job else Answer(r) for job, r in zip(found, records, strict=True)]
        return answers, cursor

    async def cancel(self, video_id: str, owner: str | None = None) -> Answer:
        """End the video if it is in work: its render stops with the last video that waits for it."""
        await self.find(video_id, owner)
        if job := self._jobs.get(video_id):
            job.stop.set()
            await asyncio.wait({job.task})
        return await self.find(video_id)

    async def delete(self, video_id: str, owner: str | None = None) -> list[str]:
        """Leave nothing of a video, one in work is canceled first; return the keys of the uploads that went with it."""
        record = (await self.cancel(video_id, owner)).record
        await self._dedupe.forget(video_id)
        self._seen.pop(record.content_key, None)
        return await self._records.forget(record)

    async def made_from(self, prefix: str) -> list[str]:
        """The ids of the videos, whosever they are, made from pictures or sounds whose keys begin so."""
        return await self._records.made_from(prefix)

    async def resume(self) -> int:
        """Run again what another life accepted and did not finish, or does not any more; return how many.

        That life may be an earlier one, or that of a cluster which this one replaces.
        """
        own = set(self._jobs)
        found = [record for record in await self._records.unfinished() if record.id not in own]
        owed = set(await self._records.owed()) if found else set()  # what began and ended meanwhile is not
        begun = 0
        for record in found:
            if record.id not in owed or record.id in self._jobs:
                continue
            if record.status in ENDED:  # that life ended between the record and its marker
                await self._end(record)
            else:
                job = self._begin(record, None)
                job.taken = True
                job.accepted.set()
                begun += 1
        return begun

    def _answer(self, job: Job, record: VideoRecord) -> Answer:
        if record.status in ENDED or job.render is None:
            return Answer(record)
        trace, position = job.render.trace, self._renders.position(job.render)
        estimated_s = round(self._renders.estimated_s(job.render), 1)
        return Answer(record, None, position, estimated_s, trace.frames_done, trace.frames)

    def _begin(self, record: VideoRecord, most: int | None) -> Job:
        """Start the work apart from the request that asked."""
        job = self._jobs[record.id] = Job(record, most)
        job.task = asyncio.create_task(self._finish(job), context=self._apart(record.id))
        job.task.add_done_callback(lambda task: self._forget(record.id, task))
        return job

    def _forget(self, video_id: str, task: asyncio.Task[VideoRecord]) -> None:
        del self._jobs[video_id]
        if not task.cancelled() and (error := task.exception()):  # every waiter is told as well
            logger.warning("video %s was not accepted: %s", video_id, error)

    async def _wait(self, job: Job, wait_s: float) -> VideoRecord:
        """Wait up to `wait_s` seconds for the end, or as long as it takes until the order is durable."""
        deadline_s = time.monotonic() + wait_s
        accepted = asyncio.create_task(job.accepted.wait())
        within_s = max(wait_s, ACCEPT_WITHIN_S)
        try:
            await asyncio.wait({job.task, accepted}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            accepted.cancel()
        if not (job.task.done() or job.accepted.is_set()):
            raise StorageUnavailable(f"The order could not be stored within {within_s:g} s. Ask again.")
        done, _ = await asyncio.wait({job.task}, timeout=max(0.0, deadline_s - time.monotonic()))
        return job.task.result() if done else job.record

    async def _finish(self, job: Job) -> VideoRecord:
        if not job.accepted.is_set():
            if remembered := await self._remembered(job):
                job.cache = "hit"
                return remembered
            self._check_room(job)
            job.taken = True
            await self._records.accept(job.record)
            job.accepted.set()
        record = await self._work(job)
        await self._store(record)
        return record

    def _check_room(self, job: Job) -> None:
        working = [other for other in self._jobs.values() if other.taken]
        if len(working) >= self._limits.queue:
            raise QueueFull(*self._later(f"{len(working)} videos are in work.", len(working)))
        own = sum(other.record.order.owner == job.record.order.owner for other in working)
        if job.most is not None and own >= job.most:
            raise TooManyJobs(*self._later(f"You have {own} videos in work.", own))

    def _later(self, what: str, count: int) -> tuple[str, dict[str, Any]]:
        """The sentence and the facts that tell when so many videos may be done."""
        after_s = max(1, math.ceil(self._renders.lasts_s(count)))
        return f"{what} Ask again in {after_s} s.", {"retry_after_s": after_s}

    async def _remembered(self, job: Job) -> VideoRecord | None:
        """A completed video from the cache, from the records behind it, or from another video of the same content."""
        asked = job.record
        cached = await self._dedupe.get(asked.id)
        if cached is None:
            self._check_room(job)  # before storage is asked: refusing costs little, however many are refused
        record = cached or await self._records.load(asked.id)
        if record and record.status != "completed":
            job.since(record)
        if record is None or record.status != "completed":
            twin = await self._records.twin(asked)
            record = twin and await self._copied(asked, twin)
        if record is None:
            return None
        if not await self._has_content(record):
            await self._dedupe.forget(record.id)
            return None
        if cached is None:
            await self._dedupe.put(record)
        return record

    async def _copied(self, asked: VideoRecord, twin: VideoRecord) -> VideoRecord:
        """The record of a video whose content another one has."""
        same = {"status": "completed", "engine": twin.engine, "rendered": twin.rendered, "timings_s": twin.timings_s}
        record = asked.with_(**same, finished_at=datetime.now(UTC))
        await self._records.accept(record)
        await self._end(record)
        return record

    async def _has_content(self, record: VideoRecord) -> bool:
        now_s = time.monotonic()
        if now_s - self._seen.get(record.content_key, -math.inf) < CONTENT_TRUSTED_S:
            return True
        if not await self._records.has_content(record):
            return False
        if len(self._seen) >= SEEN:
            self._seen.clear()
        self._seen[record.content_key] = now_s
        return True

    async def _work(self, job: Job) -> VideoRecord:
        """Wait for the render, alone or with others of the same content, or for the order to stop."""
        began = time.perf_counter()
        job.render = self._renders.join(job.record)
        stop = asyncio.create_task(job.stop.wait())
        try:
            await asyncio.wait({job.render.task, stop}, return_when=asyncio.FIRST_COMPLETED)
            done = job.render.task.done()
            ended: dict[str, Any] = job.render.task.result() if done else {"status": "canceled"}
        finally:
            stop.cancel()
            self._renders.leave(job.render)
        timings = job.render.trace.timings_s | {"total": round(time.perf_counter() - began, 4)}
        record = job.record.with_(**ended, stage=None, finished_at=datetime.now(UTC), timings_s=timings)
        logger.info("video %s %s with %s: %s", record.id, record.status, record.engine, timings)
        self._measure(record)
        return record

    async def _store(self, record: VideoRecord) -> None:
        """Record an end. What was accepted is not lost to a store that is away for a while: try until it is kept."""
        for pause_s in itertools.chain(STORE_AGAIN_AFTER_S, itertools.repeat(STORE_AGAIN_AFTER_S[-1])):
            try:
                await self._end(record)
                break
            except Exception as error:
                logger.warning("video %s: its end is not stored yet: %s", record.id, root_cause(error))
                await asyncio.sleep(pause_s)
        if record.status == "completed":
            await self._dedupe.put(record)

    async def _end(self, record: VideoRecord) -> None:
        """Record an end and announce it. A life that ends in between does both again, which changes nothing."""
        await self._records.save(record)
        if self._announce and record.order.webhook:
            await self._announce(record)
        await self._records.clear(record)
