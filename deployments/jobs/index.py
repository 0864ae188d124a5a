"""Jobs: an order becomes one piece of work, however many ask for it, and ends completed or failed."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from deployments.errors import StageFailed, StorageUnavailable, TalkingPhotoError, UnknownVideo
from deployments.jobs.dedupe import Dedupe
from deployments.jobs.order import Capabilities, VideoOrder
from deployments.jobs.pipeline import Pipeline, Trace
from deployments.jobs.records import Failure, Records, VideoRecord
from deployments.retry import root_cause

logger = logging.getLogger("ray.serve")

CacheState = Literal["hit", "joined", "miss"]

ACCEPT_WITHIN_S = 5.0
"""How long a caller is kept whose order storage does not take."""

STORE_AGAIN_AFTER_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Answer(NamedTuple):
    """A record, and whether its work was already done, already under way, or begun by this request."""

    record: VideoRecord
    cache: CacheState


class Job:
    """One piece of work in flight."""

    def __init__(self, record: VideoRecord) -> None:
        self._record = record
        self.trace = Trace()
        self.accepted = asyncio.Event()
        self.cache: CacheState = "miss"
        self.task: asyncio.Task[VideoRecord]

    @property
    def record(self) -> VideoRecord:
        """The record as of now."""
        status = "queued" if self.trace.stage is None else "processing"
        return self._record.with_(status=status, stage=self.trace.stage, timings_s=dict(self.trace.timings_s))


class JobIndex:
    """The index of work in flight, in front of records and pipeline. `counts` tells hits, joins and misses."""

    def __init__(self, records: Records, dedupe: Dedupe, pipeline: Pipeline, running: int) -> None:
        self._records = records
        self._dedupe = dedupe
        self._pipeline = pipeline
        self._slots = asyncio.Semaphore(running)
        self._jobs: dict[str, Job] = {}
        self.counts: Counter[str] = Counter()

    async def submit(self, order: VideoOrder, able: Capabilities, wait_s: float) -> Answer:
        """Return the finished video, or after `wait_s` seconds its state; from then on it is in the records."""
        order = order.checked(able)
        video_id = order.video_id(able)
        joined = video_id in self._jobs
        job = self._jobs.get(video_id) or self._begin(VideoRecord(id=video_id, order=order, engine=able.engine))
        record = await self._wait(job, wait_s)
        cache: CacheState = "joined" if joined and job.cache == "miss" else job.cache
        self.counts[cache] += 1
        return Answer(record, cache)

    async def find(self, video_id: str) -> VideoRecord:
        """The record as it stands. Raises `UnknownVideo`."""
        job = self._jobs.get(video_id)
        working = job is not None and job.accepted.is_set()  # before that it may turn out to be done already
        record = job.record if job and working else await self._records.load(video_id)
        if record is None:
            raise UnknownVideo(f"There is no video {video_id!r}.", {"videoId": video_id})
        return record

    async def resume(self) -> int:
        """Run again what an earlier life accepted and did not finish; return how many."""
        unfinished = [record for record in await self._records.unfinished() if record.id not in self._jobs]
        for record in unfinished:
            if record.status == "completed":  # that life ended between the record and its marker
                await self._records.finish(record)
            else:
                self._begin(record)
        return sum(record.status != "completed" for record in unfinished)

    def _begin(self, record: VideoRecord) -> Job:
        """Start the work apart from the request that asked: an empty context keeps its cancellation away."""
        job = self._jobs[record.id] = Job(record)
        job.task = asyncio.create_task(self._finish(job), context=contextvars.Context())
        job.task.add_done_callback(lambda task: self._forget(record.id, task))
        return job

    def _forget(self, video_id: str, task: asyncio.Task[VideoRecord]) -> None:
        del self._jobs[video_id]
        if not task.cancelled() and (error := task.exception()):  # every waiter is told as well
            logger.error("video %s could not be accepted: %s", video_id, error)

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
        if remembered := await self._remembered(job.record.id):
            job.cache = "hit"
            return remembered
        await self._records.accept(job.record)
        job.accepted.set()
        async with self._slots:
            record = await self._work(job)
        await self._store(record)
        return record

    async def _remembered(self, video_id: str) -> VideoRecord | None:
        """A completed video from the cache, or from the records behind it, if its content is still there."""
        cached = await self._dedupe.get(video_id)
        record = cached or await self._records.load(video_id)
        if record is None or record.status != "completed":
            return None
        if not await self._records.has_content(record):
            await self._dedupe.forget(video_id)
            return None
        if cached is None:
            await self._dedupe.put(record)
        return record

    async def _work(self, job: Job) -> VideoRecord:
        began = time.perf_counter()
        ended: dict[str, Any]
        try:
            engine, rendered = await self._pipeline.run(job.record, job.trace)
            ended = {"status": "completed", "engine": engine, "rendered": rendered}
        except TalkingPhotoError as error:
            ended = {"status": "failed", "failure": Failure.of(error)}
        except Exception as error:
            logger.exception("video %s: the work broke", job.record.id)
            broke = StageFailed(f"The work broke ({type(root_cause(error)).__name__}). Ask again.")
            ended = {"status": "failed", "failure": Failure.of(broke)}
        timings = job.trace.timings_s | {"total": round(time.perf_counter() - began, 4)}
        logger.info("video %s %s with %s: %s", job.record.id, ended["status"], job.record.engine, timings)
        return job.record.with_(**ended, stage=None, finished_at=datetime.now(UTC), timings_s=timings)

    async def _store(self, record: VideoRecord) -> None:
        """Record an end. What was accepted is not lost to a store that is away for a while: try until it is kept."""
        for pause_s in itertools.chain(STORE_AGAIN_AFTER_S, itertools.repeat(STORE_AGAIN_AFTER_S[-1])):
            try:
                await self._records.finish(record)
                break
            except Exception as error:
                logger.warning("video %s: its end is not stored yet: %s", record.id, root_cause(error))
                await asyncio.sleep(pause_s)
        if record.status == "completed":
            await self._dedupe.put(record)
