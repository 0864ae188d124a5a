"""Pictures, their mouths and a sound to a clip, pasted and encoded while the next mouths are made."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, TypeVar

import numpy as np

from deployments.media import Clip, MouthFrames, Waveform
from deployments.precedence import Entrance
from deployments.video.encode import ClipWriter, Encoding
from deployments.video.fragments import Segments
from deployments.video.paste import paste
from deployments.video.shots import Shot
from deployments.video.soundtrack import Soundtrack
from deployments.video.watch import Watch

T = TypeVar("T")

STEP_FRAMES = 4
"""Encoded in one go: some 15 ms at 512x512, which is what the next clip may have to wait for."""

AHEAD_FRAMES = 200
"""What counts before it is encoded: all of a short clip, so that the order of owners does not turn in the middle of it.
Of a long one no more: it would be forgotten before it is done, and the owner then go first until the end."""


class Renderer:
    """Renders clips; `directory` is where they are written meanwhile (the system's place if not given).

    One core encodes: a few frames of one clip, then of the next, by precedence of their owners.
    """

    def __init__(self, encoding: Encoding, directory: Path | None = None) -> None:
        self._encoding = encoding
        self._directory = directory
        self._core = Entrance(1)

    async def render(
        self,
        size: tuple[int, int],
        sound: Waveform | Soundtrack,
        fps: float,
        shots: AsyncIterable[tuple[Shot, MouthFrames | None]],
        keep: Callable[[IO[bytes]], None],
        stream: Segments | None = None,
        owner: str = "",
    ) -> AsyncGenerator[int | Clip, None]:
        """Make the clip of that width and height, round(fps * seconds of sound) frames long as `shots` must be.

        Yields how many frames are encoded, after each shot, and at last the clip's measures.
        `keep` stores it; `stream` takes its segments before that, as they are encoded. Pixels and file are worked
        on in a thread, so that the event loop can receive the next shot. Whatever fails, no file stays behind.
        Raises `StageFailed` if shots and sound differ in length.
        """
        with ClipWriter(*size, fps, sound, self._encoding, self._directory, stream) as writer:
            frames, faceless, counted, watch = 0, 0, 0, Watch()

            async def encoded(work: Callable[..., T], *args: object) -> T:
                nonlocal counted
                more = min(frames + AHEAD_FRAMES, round(fps * sound.duration_s)) - counted
                counted += more
                async with self._core.inside(owner, counts=more):
                    with watch.on("encode"):
                        return await asyncio.to_thread(work, *args)

            async for shot, mouths in shots:
                pasted = paste(shot, mouths)
                for _ in range(0, len(shot.seen), STEP_FRAMES):
                    await encoded(writer.add, itertools.islice(pasted, STEP_FRAMES))
                frames += len(shot.seen)
                faceless += int(np.count_nonzero(~shot.seen))
                yield frames
            clip = await encoded(writer.close)
            with watch.on("store"):
                await asyncio.to_thread(keep, writer.file)
            yield replace(clip, frames_without_face=faceless, timings_s=watch.seconds)


async def finished(steps: AsyncIterable[int | Clip]) -> Clip:
    """The clip that a rendering ends with."""
    async for step in steps:
        if isinstance(step, Clip):
            clip = step
    return clip
