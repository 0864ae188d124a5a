"""What is said in a video: spoken passage by passage, each with the drive of its mouth."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from deployments.errors import UnspeakableText
from deployments.media import Acting, MouthDrive, Speech, Spoken, Word, later
from deployments.retry import twice
from deployments.video.soundtrack import Soundtrack, in_whole_frames


class Said:
    """The passages of a script, made by the speech and lip-sync stages (Serve handles, or what behaves like them).

    `sound` and `words` grow with them; `frames` tells how many they take once all are known.
    """

    def __init__(
        self,
        speech: Any,  # noqa: ANN401 - a handle
        lipsync: Any,  # noqa: ANN401 - a handle
        spoken: Spoken,
        fps: float,
        acting: Acting,
        owner: str = "",
    ) -> None:
        self._speech, self._lipsync = speech, lipsync
        self._spoken, self._fps, self._acting = spoken, fps, acting
        self._owner = owner
        self.sound = Soundtrack(spoken.speech.waveform.rate_hz)
        self.words: list[Word] = []
        self.frames: int | None = None

    async def drives(self) -> AsyncGenerator[MouthDrive, None]:
        """Yield the drive of each passage, whose speech is in `sound` and `words` by then."""
        frames = 0
        async for speech in self._passages():
            start_s = frames / self._fps
            call = partial(self._lipsync.drive.remote, speech, self._fps, self._acting, start_s)
            drive = await twice("drive", call)
            self.sound.add(speech.waveform)
            self.words += [later(word, start_s) for word in speech.words]
            frames += drive.frames
            yield drive
        self.frames = frames

    async def _passages(self) -> AsyncGenerator[Speech, None]:
        """Yield the speech of each passage: those that another follows last for whole frames.

        Passages of which the voice makes no sound are left out, as words are that it cannot read.
        """
        speech: Speech | None = self._spoken.speech
        for passage in self._spoken.rest:
            if speech:  # shown before the next is spoken
                yield in_whole_frames(speech, self._fps)
            call = partial(self._speech.speak.remote, passage, self._spoken.voice_id, self._spoken.seed, self._owner)
            try:
                speech = await twice("speech", call, retryable_too=True)
            except UnspeakableText:
                speech = None
        if speech:
            yield speech
