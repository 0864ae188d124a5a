"""The lip-sync stage as a Serve deployment."""

import asyncio
from collections.abc import Callable

from ray import serve

from deployments.errors import StageFailed
from deployments.lipsync.engine import LipsyncEngine
from deployments.media import FaceCrop, MouthDrive, MouthFrames, Speech


@serve.deployment
class LipsyncStage:
    """One engine. Calls queue inside, so that the next chunk is at hand when one is done."""

    def __init__(self, make_engine: Callable[[], LipsyncEngine]) -> None:
        self._engine = make_engine()
        self._busy = asyncio.Semaphore(1)

    async def describe(self) -> tuple[str, str]:
        """The engine's name and version."""
        return self._engine.name, self._engine.version

    async def drive(self, speech: Speech, fps: float) -> MouthDrive:
        """What moves the mouth for this speech."""
        async with self._busy:
            return await asyncio.to_thread(self._engine.drive, speech, fps)

    async def animate(self, crop: FaceCrop, drive: MouthDrive) -> MouthFrames:
        """One mouth for each frame of the drive. Raises `StageFailed` for the drive of another engine."""
        if drive.engine != self._engine.name:
            raise StageFailed(f"The engine changed from {drive.engine} to {self._engine.name} meanwhile. Ask again.")
        async with self._busy:
            return await asyncio.to_thread(self._engine.animate, crop, drive)
