"""Lip-sync replicas whose generator takes a fixed time and no CPU: what Serve itself costs, seen alone."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import ray
from pydantic import BaseModel
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request

from deployments.lipsync.deployment import LipsyncStage
from deployments.lipsync.engine import Call, LipsyncEngine
from deployments.media import FaceBox, FaceCrop, Life, MouthDrive, MouthFrames, Paste, Speech

FRAMES = 16
"""In a chunk, as the video stage asks for them."""

FACE_PX, MEL_BANDS, MEL_COLUMNS = 96, 80, 16


class FixedTimeEngine:
    """A `LipsyncEngine` that sleeps, and returns mouths of Wav2Lip's size."""

    name = "fixed-time"
    version = "1"
    batch_frames = FRAMES

    def __init__(self, chunk_s: float) -> None:
        self._chunk_s = chunk_s

    def drive(self, speech: Speech, fps: float, paste: Paste = "feathered", life: Life | None = None) -> MouthDrive:
        """The drive of one chunk, whatever is said."""
        return drive_of_a_chunk()

    def animate(self, face: Any, drive: MouthDrive) -> MouthFrames:
        """Mouths of nothing, after the time."""
        return self.animate_together([(face, drive)])[0]

    def animate_together(self, calls: Sequence[Call]) -> list[MouthFrames]:
        """The same for each call."""
        time.sleep(self._chunk_s)
        box, half = FaceBox(0, 0, FACE_PX, FACE_PX), FACE_PX // 2
        mask = np.zeros((1, half, FACE_PX), np.uint8)
        return [MouthFrames(np.zeros((d.frames, half, FACE_PX, 3), np.uint8), (box,), mask) for _, d in calls]

    def check(self) -> None:
        """Nothing: it has no device."""


def drive_of_a_chunk() -> MouthDrive:
    """A chunk's mel spectrogram, as large as Wav2Lip's."""
    features = np.zeros((MEL_BANDS, FRAMES * 3 + MEL_COLUMNS), np.float32)
    starts = np.arange(FRAMES, dtype=np.int32) * 3
    return MouthDrive(FixedTimeEngine.name, 25.0, features, starts, MEL_COLUMNS)


@serve.deployment
class Callers:
    """Asks for chunks, as video stages do: `GET /?callers=8&seconds=20` tells how many were made."""

    def __init__(self, lipsync: DeploymentHandle[Any]) -> None:
        self._lipsync = lipsync

    async def __call__(self, request: Request) -> dict[str, float]:
        """Keep so many calls in flight for so long; count those that ended within the time."""
        callers, seconds = int(request.query_params["callers"]), float(request.query_params["seconds"])
        box = FaceBox(0, 0, FACE_PX, FACE_PX)
        crop = ray.put(FaceCrop(np.zeros((FACE_PX, FACE_PX, 3), np.uint8), box, box, None, "nobody"))
        ends_s = time.monotonic() + seconds
        made = await asyncio.gather(*(self._ask(crop, ends_s) for _ in range(callers)))
        return {"chunks": sum(made), "seconds": seconds}

    async def _ask(self, crop: Any, ends_s: float) -> int:
        made = 0
        while True:
            await self._lipsync.animate.remote(crop, drive_of_a_chunk())
            if time.monotonic() > ends_s:
                return made
            made += 1


class FixedTime(BaseModel):
    """How long a chunk takes."""

    chunk_s: float = 0.3


def engines(chunk_s: float, cpus: float, gpu_share: float) -> list[LipsyncEngine]:
    """The engines of a replica, for `LipsyncStage`."""
    return [FixedTimeEngine(chunk_s)]


def build(args: FixedTime) -> Application:
    """Callers in front of the lip-sync stage."""
    lipsync: Any = LipsyncStage.bind(partial(engines, args.chunk_s))  # type: ignore[attr-defined]
    bound: Application = Callers.bind(lipsync)  # type: ignore[attr-defined]
    return bound
