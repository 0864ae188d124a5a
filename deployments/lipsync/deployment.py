"""The lip-sync stage as a Serve deployment."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import ray
from ray import serve
from ray.serve import metrics

from deployments.errors import EngineUnavailable
from deployments.lipsync.autoscaling import QUEUED_FRAMES
from deployments.lipsync.engine import Call, LipsyncEngine
from deployments.logs import name_videos
from deployments.media import Acting, ClipFaces, FaceCrop, Life, MouthDrive, MouthFrames, Speech
from deployments.meters import LipsyncMeters
from deployments.precedence import Entrance
from deployments.priority import give_way

logger = logging.getLogger("ray.serve")


def _frames(calls: Sequence[Call]) -> int:
    return sum(drive.frames for _, drive in calls)


class Company:
    """An engine whose batches are filled from all the videos that are being made with it.

    Calls gather behind a gate, because `serve.batch` closes a batch when its own time is up and only then waits for the
    engine: with no time, so that nobody waits for company, it would take them one by one. The gate lets in what fills
    a batch, of the owners who had the fewest frames of late first.
    """

    def __init__(self, engine: LipsyncEngine, meters: LipsyncMeters) -> None:
        self.engine = engine
        self._meters = meters
        self._gate = Entrance(engine.batch_frames)
        # Decorated here and not in the class, where Ray would keep one queue for all engines.
        batched: Any = serve.batch(max_batch_size=engine.batch_frames, batch_wait_timeout_s=0, batch_size_fn=_frames)
        self._batched = batched(self._together)

    async def animate(self, call: Call, owner: str) -> MouthFrames:
        """The mouths of a call, made with those of others that came while the engine was busy."""
        await self._gate.enter(owner, _frames([call]))
        try:
            made: MouthFrames | Exception = await self._batched(call)
        except asyncio.CancelledError:  # `serve.batch` leaves a batch out that nobody waits for any more
            self._gate.give_back(_frames([call]))
            raise
        if isinstance(made, Exception):
            raise made
        return made

    async def _together(self, calls: list[Call]) -> list[MouthFrames | Exception]:
        self._gate.close()
        try:
            return await asyncio.to_thread(self._animated, calls)
        finally:
            self._meters.batch(self.engine.name, _frames(calls), self.engine.batch_frames)
            self._gate.open(self.engine.batch_frames)

    def _animated(self, calls: list[Call]) -> list[MouthFrames | Exception]:
        """The mouths, or the error, of each call: a face that cannot be animated fails alone."""
        try:
            return [*self.engine.animate_together(calls)]
        except Exception as error:
            return [error] if len(calls) == 1 else [self._animated([call])[0] for call in calls]


@serve.deployment
class LipsyncStage:
    """The engines that move mouths, each by itself: they wait for each other's work no more than the CPUs do.

    `make_engines` gets the CPUs and the share of a GPU that Serve has given this replica; the default comes first.
    """

    def __init__(self, make_engines: Callable[[float, float], Iterable[LipsyncEngine]]) -> None:
        name_videos()
        give_way()
        here: Any = ray.get_runtime_context()
        mine = here.get_assigned_resources()
        logger.info("GPUs: %s, a share of %g", here.get_accelerator_ids().get("GPU", []), mine.get("GPU", 0.0))
        engines = make_engines(mine.get("CPU", 0.0), mine.get("GPU", 0.0))
        self._meters = LipsyncMeters(metrics)
        self._companies = {engine.name: Company(engine, self._meters) for engine in engines}
        self._queued_frames = 0

    async def check_health(self) -> None:
        """Raise if a device does not compute any more: Serve then replaces this replica."""
        for company in self._companies.values():
            await asyncio.to_thread(company.engine.check)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """What `QueuedFrames` scales by."""
        return {QUEUED_FRAMES: self._queued_frames}

    async def describe(self) -> dict[str, str]:
        """Each engine's version by its name, the default first."""
        return {name: company.engine.version for name, company in self._companies.items()}

    async def drive(self, speech: Speech, fps: float, acting: Acting, start_s: float) -> MouthDrive:
        """What moves the face for a speech that begins so long after the video. Raises `EngineUnavailable`."""
        life = Life(acting.seed, start_s) if acting.motion == "natural" else None
        return await asyncio.to_thread(self._company(acting.engine).engine.drive, speech, fps, acting.paste, life)

    async def animate(self, face: FaceCrop | ClipFaces, drive: MouthDrive, owner: str = "") -> MouthFrames:
        """One mouth for each frame of the drive, by the engine that made it. Raises `EngineUnavailable`.

        While there is not room for all, it is for the owners who had least of late.
        """
        company = self._company(drive.engine)
        with self._queueing(drive.frames):
            return await self._animated(company, face, drive, owner)

    async def _animated(
        self, company: Company, face: FaceCrop | ClipFaces, drive: MouthDrive, owner: str
    ) -> MouthFrames:
        most = company.engine.batch_frames
        cuts = [(first, min(first + most, drive.frames)) for first in range(0, drive.frames, most)]
        calls = [(face.chunk(*cut) if isinstance(face, ClipFaces) else face, drive.chunk(*cut)) for cut in cuts]
        made = await asyncio.gather(*(company.animate(call, owner) for call in calls))
        rgb = np.concatenate([mouths.rgb for mouths in made])
        alike = made if isinstance(face, ClipFaces) else made[:1]  # a photo's box and mask are those of all frames
        boxes = tuple(box for mouths in alike for box in mouths.boxes)
        return MouthFrames(rgb, boxes, np.concatenate([mouths.masks for mouths in alike]))

    @contextlib.contextmanager
    def _queueing(self, frames: int) -> Iterator[None]:
        """Count them as queued during the block."""
        self._queue(frames)
        try:
            yield
        finally:
            self._queue(-frames)

    def _queue(self, frames: int) -> None:
        self._queued_frames += frames
        self._meters.queued(self._queued_frames)

    def _company(self, engine: str) -> Company:
        if engine not in self._companies:
            raise EngineUnavailable.among(engine, self._companies)
        return self._companies[engine]
