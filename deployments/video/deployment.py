"""The video stage as a Serve deployment."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from functools import partial
from typing import IO, Any, Protocol

import numpy as np
import ray
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.logs import name_videos
from deployments.media import Clip, ClipTrack, FaceTrack, MouthDrive, MouthFrames, Speech
from deployments.priority import give_way
from deployments.retry import twice
from deployments.video.render import Renderer
from deployments.video.shots import ClipShots, PhotoShots, Shot, Shots
from deployments.video.stream import Stream
from deployments.video.watch import Watch
from deployments.video.window import windowed

IN_FLIGHT = 2
"""Chunks asked for ahead: one being generated while one is pasted and encoded. More would only hold memory."""


class Files(Protocol):
    """Where source clips are, and finished ones go."""

    def put(self, key: str, content: bytes | IO[bytes], content_type: str) -> None:
        """Store bytes or a file, replacing what was there."""

    def stat(self, key: str) -> Any:  # noqa: ANN401 - what the store knows of it
        """None if there is no such object."""

    def read(self, key: str) -> bytes:
        """The bytes of an object."""


@serve.deployment
class VideoStage:
    """Pulls mouths from the lip-sync stage, encodes as they come, and puts the file straight into the store."""

    def __init__(
        self,
        lipsync: DeploymentHandle[Any],
        make_renderer: Callable[[], Renderer],
        make_store: Callable[[], Files],
        chunk_frames: int,
    ) -> None:
        name_videos()
        give_way()
        self._lipsync = lipsync
        self._renderer = make_renderer()
        self._store = make_store()
        self._chunk_frames = chunk_frames

    async def render(
        self,
        source_key: str,
        track: FaceTrack | ClipTrack,
        speech: Speech,
        drive: MouthDrive,
        key: str,
        stream_prefix: str,
    ) -> AsyncGenerator[int | Clip, None]:
        """Make the MP4 of the photo or clip under `source_key` and store it under `key`.

        Meanwhile it can be played from `<stream_prefix>/stream.m3u8`. Yields how many frames are done, and at last
        the clip's measures.
        """

        def keep(file: IO[bytes]) -> None:
            self._store.put(key, file, "video/mp4")

        crop = ray.put(track.crop) if isinstance(track, FaceTrack) else None  # once, however many chunks refer to it
        watch = Watch()
        turn = asyncio.Lock()  # first come, first served: pictures are taken in the order of the chunks

        async def animated(chunk: MouthDrive) -> tuple[Shot, MouthFrames | None]:
            async with turn:
                shot = await asyncio.to_thread(shots.take, chunk.frames)
            if crop is None and shot.faces is None:
                return shot, None
            seen = chunk.of(np.flatnonzero(shot.seen))
            face = crop or shot.faces
            with watch.on("generate"):
                return shot, await twice("lip-sync", lambda: self._lipsync.animate.remote(face, seen))

        starts = range(0, drive.frames, self._chunk_frames)
        calls = (partial(animated, drive.chunk(first, first + self._chunk_frames)) for first in starts)
        with (
            await asyncio.to_thread(self._shots, source_key, track, drive.frames) as shots,
            Stream(self._store, stream_prefix) as stream,
        ):
            async with contextlib.aclosing(windowed(calls, IN_FLIGHT)) as pieces:
                size = shots.width, shots.height
                async for step in self._renderer.render(size, speech.waveform, drive.fps, pieces, keep, stream):
                    if isinstance(step, Clip):
                        clip = step
                    else:
                        yield step
            await asyncio.to_thread(stream.end)
        yield replace(clip, timings_s=watch.seconds | clip.timings_s)

    def _shots(self, source_key: str, track: FaceTrack | ClipTrack, frames: int) -> Shots:
        if isinstance(track, FaceTrack):
            return PhotoShots(track)
        return ClipShots(track, self._store.read(source_key), frames)
