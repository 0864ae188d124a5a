"""The service with a lip-sync device of a steady speed, as a GPU is and a shared machine's processor is not.

Everything else is the product's own: `serve run` with `cluster.testbed.steady:build` in place of `serve_app.app:build`.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import Field
from ray.serve import Application

from deployments.lipsync.engine import Call, LipsyncEngine
from deployments.media import Life, MouthDrive, MouthFrames, Paste, Speech
from serve_app import engines
from serve_app.app import graph
from serve_app.settings import Settings

APPLICATION = f"{__name__}:build"


class SteadySettings(Settings):
    """The service's own, and how many mouths its lip-sync device makes a second."""

    device_frames_per_s: float = Field(gt=0)


class SteadyEngine:
    """Makes what another `LipsyncEngine` makes, and is done with it when a device of that speed would be."""

    def __init__(self, engine: LipsyncEngine, frames_per_s: float) -> None:
        self.name, self.version, self.batch_frames = engine.name, engine.version, engine.batch_frames
        self._engine, self._frames_per_s = engine, frames_per_s

    def drive(self, speech: Speech, fps: float, paste: Paste = "feathered", life: Life | None = None) -> MouthDrive:
        """See `LipsyncEngine.drive`."""
        return self._engine.drive(speech, fps, paste, life)

    def animate(self, face: Any, drive: MouthDrive) -> MouthFrames:
        """See `LipsyncEngine.animate`."""
        return self.animate_together([(face, drive)])[0]

    def animate_together(self, calls: Sequence[Call]) -> list[MouthFrames]:
        """See `LipsyncEngine.animate_together`; takes as long as the device, or the engine where it is slower."""
        done_s = time.monotonic() + sum(drive.frames for _, drive in calls) / self._frames_per_s
        made = self._engine.animate_together(calls)
        time.sleep(max(0.0, done_s - time.monotonic()))
        return made

    def check(self) -> None:
        """See `LipsyncEngine.check`."""
        self._engine.check()


def _lipsync(settings: SteadySettings, cpus: float, gpu_share: float) -> list[LipsyncEngine]:
    made = engines.lipsync(settings.lipsync, cpus, gpu_share)
    return [SteadyEngine(engine, settings.device_frames_per_s) for engine in made]


def build(args: SteadySettings) -> Application:
    """The graph of the service."""
    return graph(args, partial(_lipsync, args))
