"""A photo, its mouths and a sound to a clip, pasted and encoded while the next mouths are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from pathlib import Path
from typing import IO, Protocol

from deployments.media import Clip, MouthFrames, Photo, Waveform
from deployments.video.encode import ClipWriter, Encoding
from deployments.video.paste import paste


class ClipStore(Protocol):
    """Where finished clips are kept."""

    def put(self, key: str, content: IO[bytes], content_type: str) -> None:
        """Store a file, replacing what was there."""


class Renderer:
    """Renders clips; `directory` is where they are written meanwhile (the system's place if not given)."""

    def __init__(self, encoding: Encoding, directory: Path | None = None) -> None:
        self._encoding = encoding
        self._directory = directory

    async def render(
        self,
        photo: Photo,
        sound: Waveform,
        fps: float,
        chunks: AsyncIterable[MouthFrames],
        keep: Callable[[IO[bytes]], None],
    ) -> Clip:
        """Make the clip, round(fps * seconds of sound) frames long as `chunks` must be together; `keep` stores it.

        Pixels and file are worked on in a thread, so that the event loop can receive the next chunk. Whatever
        fails, no file stays behind. Raises `StageFailed` if the mouths do not last as long as the sound.
        """
        with ClipWriter(photo.width, photo.height, fps, sound, self._encoding, self._directory) as writer:
            async for mouths in chunks:
                await asyncio.to_thread(writer.add, paste(photo, mouths))
            clip = await asyncio.to_thread(writer.close)
            await asyncio.to_thread(keep, writer.file)
            return clip
