"""The video stage as a Serve deployment."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import IO, Any

import ray
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.errors import TalkingPhotoError
from deployments.media import Clip, FaceCrop, FaceTrack, MouthDrive, MouthFrames, Speech
from deployments.video.render import ClipStore, Renderer
from deployments.video.window import windowed

IN_FLIGHT = 2
"""Chunks asked for ahead: one being generated while one is pasted and encoded. More would only hold memory."""

RETRY_AFTER_S = 0.5


@serve.deployment
class VideoStage:
    """Pulls mouths from the lip-sync stage, encodes as they come, and puts the file straight into the store."""

    def __init__(
        self,
        lipsync: DeploymentHandle[Any],
        make_renderer: Callable[[], Renderer],
        make_store: Callable[[], ClipStore],
        chunk_frames: int,
    ) -> None:
        self._lipsync = lipsync
        self._renderer = make_renderer()
        self._store = make_store()
        self._chunk_frames = chunk_frames

    async def render(self, track: FaceTrack, speech: Speech, drive: MouthDrive, key: str) -> Clip:
        """Make the MP4 and store it under `key`."""

        def keep(file: IO[bytes]) -> None:
            self._store.put(key, file, "video/mp4")

        crop = ray.put(track.crop)  # once, however many chunks refer to it
        starts = range(0, drive.frames, self._chunk_frames)
        chunks = (drive.chunk(first, first + self._chunk_frames) for first in starts)
        calls = (partial(self._animate, crop, chunk) for chunk in chunks)
        async with contextlib.aclosing(windowed(calls, IN_FLIGHT)) as mouths:
            return await self._renderer.render(track.photo, speech.waveform, drive.fps, mouths, keep)

    async def _animate(self, crop: ray.ObjectRef[FaceCrop], drive: MouthDrive) -> MouthFrames:
        """One chunk; asked for again if its replica died, since a chunk depends on nothing but its arguments."""
        mouths: MouthFrames
        try:
            mouths = await self._lipsync.animate.remote(crop, drive)
        except TalkingPhotoError:
            raise
        except Exception:
            await asyncio.sleep(RETRY_AFTER_S)
            mouths = await self._lipsync.animate.remote(crop, drive)
        return mouths
