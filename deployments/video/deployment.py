"""The video stage as a Serve deployment."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import IO, Any, Protocol

import numpy as np
import ray
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.logs import name_videos
from deployments.media import Acting, Clip, ClipTrack, FaceTrack, MouthDrive, MouthFrames, Progress, Spoken, Word
from deployments.priority import give_way
from deployments.retry import twice
from deployments.video.captions import srt, vtt
from deployments.video.render import Renderer
from deployments.video.said import Said
from deployments.video.shots import ClipShots, PhotoShots, Shot, Shots
from deployments.video.stream import Stream
from deployments.video.watch import Watch
from deployments.video.window import ahead, windowed

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
    """Pulls speech and mouths from their stages, encodes as they come, and puts the file straight into the store."""

    def __init__(
        self,
        speech: DeploymentHandle[Any],
        lipsync: DeploymentHandle[Any],
        make_renderer: Callable[[], Renderer],
        make_store: Callable[[], Files],
        chunk_frames: int,
    ) -> None:
        name_videos()
        give_way()
        self._speech = speech
        self._lipsync = lipsync
        self._renderer = make_renderer()
        self._store = make_store()
        self._chunk_frames = chunk_frames

    async def render(
        self,
        source_key: str,
        track: FaceTrack | ClipTrack,
        spoken: Spoken,
        acting: Acting,
        key: str,
        stream_prefix: str,
        owner: str,
    ) -> AsyncGenerator[Progress | Clip, None]:
        """Make the MP4 of the photo or clip under `source_key`, store it under `key`, and captions of a text beside it.

        Meanwhile it can be played from `<stream_prefix>/stream.m3u8`. Yields how far it is, and at last the clip's
        measures. While passages are shown, the others are spoken. The stages that it asks are told for whom it is.
        """

        def keep(file: IO[bytes]) -> None:
            self._store.put(key, file, "video/mp4")

        said = Said(self._speech, self._lipsync, spoken, track.fps, acting, owner)
        watch = Watch()
        with (
            await asyncio.to_thread(self._shots, source_key, track) as shots,
            Stream(self._store, stream_prefix) as stream,
        ):
            calls = self._calls(said, track, shots, watch, owner)
            async with contextlib.aclosing(windowed(calls, IN_FLIGHT)) as pieces:
                size = shots.width, shots.height
                async for step in self._renderer.render(size, said.sound, track.fps, pieces, keep, stream, owner):
                    if isinstance(step, Clip):
                        clip = step
                    else:
                        yield Progress(step, said.frames)
            await asyncio.to_thread(stream.end)
        await asyncio.to_thread(self._keep_captions, said.words, spoken.language, key)
        yield replace(clip, timings_s=watch.seconds | clip.timings_s)

    async def _calls(
        self, said: Said, track: FaceTrack | ClipTrack, shots: Shots, watch: Watch, owner: str
    ) -> AsyncGenerator[Callable[[], Awaitable[tuple[Shot, MouthFrames | None]]], None]:
        """What makes each chunk's pictures and mouths, as soon as it is spoken."""
        crop = ray.put(track.crop) if isinstance(track, FaceTrack) else None  # once, however many chunks refer to it
        turn = asyncio.Lock()  # first come, first served: pictures are taken in the order of the chunks

        async def animated(chunk: MouthDrive) -> tuple[Shot, MouthFrames | None]:
            async with turn:
                shot = await asyncio.to_thread(shots.take, chunk.frames)
            if crop is None and shot.faces is None:
                return shot, None
            seen = chunk.of(np.flatnonzero(shot.seen))
            face = crop or shot.faces
            with watch.on("generate"):
                return shot, await twice("lip-sync", lambda: self._lipsync.animate.remote(face, seen, owner))

        async with contextlib.aclosing(ahead(said.drives())) as drives:
            async for drive in drives:
                for first in range(0, drive.frames, self._chunk_frames):
                    yield partial(animated, drive.chunk(first, first + self._chunk_frames))

    def _keep_captions(self, words: Sequence[Word], language: str, key: str) -> None:
        if words:
            stem = key.removesuffix(".mp4")
            self._store.put(f"{stem}.vtt", vtt(words, language).encode(), "text/vtt; charset=utf-8")
            self._store.put(f"{stem}.srt", srt(words, language).encode(), "application/x-subrip; charset=utf-8")

    def _shots(self, source_key: str, track: FaceTrack | ClipTrack) -> Shots:
        if isinstance(track, FaceTrack):
            return PhotoShots(track)
        return ClipShots(track, self._store.read(source_key))
