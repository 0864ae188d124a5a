"""The lip-sync stage as a Serve deployment."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import ray
from ray import serve

from deployments.errors import StageFailed
from deployments.lipsync.engine import Call, LipsyncEngine
from deployments.logs import name_videos
from deployments.media import ClipFaces, ClipTrack, FaceCrop, FaceTrack, MouthDrive, MouthFrames, Speech


def _frames(calls: Sequence[Call]) -> int:
    return sum(drive.frames for _, drive in calls)


@serve.deployment
class LipsyncStage:
    """One engine, whose batches are filled from all the videos that are being made.

    `make_engine` gets the CPUs and the share of a GPU that Serve has given this replica.
    """

    def __init__(self, make_engine: Callable[[float, float], LipsyncEngine]) -> None:
        name_videos()
        here: Any = ray.get_runtime_context()
        mine = here.get_assigned_resources()
        self._engine = make_engine(mine.get("CPU", 0.0), mine.get("GPU", 0.0))
        batch: Any = self._together  # Ray types it as the method that it decorates
        batch.set_max_batch_size(self._engine.batch_frames)
        self._idle = asyncio.Event()
        self._idle.set()

    async def describe(self) -> tuple[str, str]:
        """The engine's name and version."""
        return self._engine.name, self._engine.version

    async def drive(self, speech: Speech, track: FaceTrack | ClipTrack) -> MouthDrive:
        """What moves the mouth for this speech, at the track's frame rate."""
        return await asyncio.to_thread(self._engine.drive, speech, track.fps)

    async def animate(self, face: FaceCrop | ClipFaces, drive: MouthDrive) -> MouthFrames:
        """One mouth for each frame of the drive. Raises `StageFailed` for the drive of another engine."""
        if drive.engine != self._engine.name:
            raise StageFailed(f"The engine changed from {drive.engine} to {self._engine.name} meanwhile. Ask again.")
        most = self._engine.batch_frames
        cuts = [(first, min(first + most, drive.frames)) for first in range(0, drive.frames, most)]
        calls = [(face.chunk(*cut) if isinstance(face, ClipFaces) else face, drive.chunk(*cut)) for cut in cuts]
        made = await asyncio.gather(*(self._in_company(call) for call in calls))
        rgb = np.concatenate([mouths.rgb for mouths in made])
        alike = made if isinstance(face, ClipFaces) else made[:1]  # a photo's box and mask are those of all frames
        boxes = tuple(box for mouths in alike for box in mouths.boxes)
        return MouthFrames(rgb, boxes, np.concatenate([mouths.masks for mouths in alike]))

    async def _in_company(self, call: Call) -> MouthFrames:
        """The mouths of a call, made with those of others that came while the engine was busy.

        They gather here, because `serve.batch` closes a batch when its own time is up and only then waits for the
        engine: with no time, so that nobody waits for company, it would take them one by one.
        """
        await self._idle.wait()
        made: MouthFrames | Exception = await self._together(call)
        if isinstance(made, Exception):
            raise made
        return made

    @serve.batch(batch_wait_timeout_s=0, batch_size_fn=_frames)
    async def _together(self, calls: list[Call]) -> Any:  # noqa: ANN401 - Ray's decorator hides that a call gets one
        self._idle.clear()
        try:
            return await asyncio.to_thread(self._animated, calls)
        finally:
            self._idle.set()

    def _animated(self, calls: list[Call]) -> list[MouthFrames | Exception]:
        """The mouths, or the error, of each call: a face that cannot be animated fails alone."""
        try:
            return [*self._engine.animate_together(calls)]
        except Exception as error:
            return [error] if len(calls) == 1 else [self._animated([call])[0] for call in calls]
