"""Renders: the work behind videos of the same content, done once, when its turn comes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from typing import Any

from deployments.errors import DeadlineExceeded, StageFailed, StorageUnavailable, TalkingPhotoError
from deployments.jobs.pipeline import Pipeline, Trace
from deployments.jobs.records import Failure, VideoRecord
from deployments.jobs.turns import Turns
from deployments.retry import root_cause

logger = logging.getLogger("ray.serve")

RENDER_AGAIN_AFTER_S = (1.0, 2.0, 5.0, 10.0)
"""While the store is away."""

FIRST_GUESS_S = 10.0
"""What a render is taken to last before one was measured."""

SMOOTHING = 0.2
"""How much of a new measurement goes into the average."""


class Render:
    """One piece of work, and how many videos `wanted` it."""

    def __init__(self) -> None:
        self.trace = Trace()
        self.wanted = 0
        self.place: asyncio.Future[None] | None = None
        self.task: asyncio.Task[dict[str, Any]]


class Renders:
    """Runs `running` pipelines at once, by owners in turn, each until `deadline_s` after it was asked for."""

    def __init__(self, pipeline: Pipeline, running: int, deadline_s: float) -> None:
        self._pipeline = pipeline
        self._turns = Turns(running)
        self._deadline_s = deadline_s
        self._renders: dict[str, Render] = {}
        self.service_s = FIRST_GUESS_S

    def join(self, record: VideoRecord) -> Render:
        """Begin the render of this content, or join the one in flight; its task ends with the fields of a record.

        To be called apart from any request, since the work goes on in the caller's context.
        """
        render = self._renders.get(record.content_id)
        if render is None or render.task.done():
            render = self._renders[record.content_id] = Render()
            render.task = asyncio.create_task(self._run(record, render))
        render.wanted += 1
        return render

    def leave(self, render: Render) -> None:
        """Want it no more: the last to leave stops it."""
        render.wanted -= 1
        if not render.wanted:
            render.task.cancel()
            self._renders = {key: other for key, other in self._renders.items() if other is not render}

    def resize(self, running: int) -> None:
        """Run so many at once from now on."""
        self._turns.resize(running)

    def position(self, render: Render) -> int:
        """How many have their turn before it."""
        return self._turns.position(render.place) if render.place else 0

    def estimated_s(self, render: Render) -> float:
        """When it may be done, by how long the others took."""
        return self.service_s * (1 + self.position(render) / self._turns.places)

    def lasts_s(self, count: int) -> float:
        """How long so many renders may take, by how long the others took."""
        return self.service_s * math.ceil(count / self._turns.places)

    async def _run(self, record: VideoRecord, render: Render) -> dict[str, Any]:
        def waits(place: asyncio.Future[None]) -> None:
            render.place = place

        try:
            async with asyncio.timeout(None if self._deadline_s == float("inf") else self._deadline_s):
                async with self._turns.of(record.order.owner, waits):
                    return await self._rendered(record, render)
        except TimeoutError:
            late = DeadlineExceeded(f"The video was not done within {self._deadline_s:g} s. Ask again.")
            return {"status": "failed", "failure": Failure.of(late)}

    async def _rendered(self, record: VideoRecord, render: Render) -> dict[str, Any]:
        began = time.monotonic()
        pauses = itertools.chain(RENDER_AGAIN_AFTER_S, itertools.repeat(RENDER_AGAIN_AFTER_S[-1]))
        while True:
            try:
                rendered = await self._pipeline.run(record, render.trace)
            except StorageUnavailable as error:
                logger.warning("video %s waits for the store: %s", record.id, error)
                render.trace.stage = "waiting for storage"
                await asyncio.sleep(next(pauses))
            except TalkingPhotoError as error:
                return {"status": "failed", "failure": Failure.of(error)}
            except Exception as error:
                logger.exception("video %s: the work broke", record.id)
                broke = StageFailed(f"The work broke ({type(root_cause(error)).__name__}). Ask again.")
                return {"status": "failed", "failure": Failure.of(broke)}
            else:
                self.service_s += SMOOTHING * (time.monotonic() - began - self.service_s)
                return {"status": "completed", "rendered": rendered}
