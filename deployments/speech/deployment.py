"""The speech stage as a Serve deployment."""

import asyncio
from collections.abc import Callable, Sequence

from ray import serve

from deployments.errors import UnspeakableText
from deployments.logs import name_videos
from deployments.media import Passage, Speech, Spoken
from deployments.precedence import Entrance
from deployments.priority import give_way
from deployments.speech.audio_file import decode_audio
from deployments.speech.manner import delayed, in_manner
from deployments.speech.voices import Voices
from deployments.voices import VoiceList


@serve.deployment
class SpeechStage:
    """Speaks text and decodes sound files, in threads: the event loop stays free for other calls.

    Voices that are computed here speak one passage at a time, which keeps two cores busy: of who had least of late.
    """

    def __init__(self, make_voices: Callable[[], Voices], max_audio_s: float, max_audio_bytes: int) -> None:
        name_videos()
        give_way()
        self._voices = make_voices()
        self._max_audio_s = max_audio_s
        self._max_audio_bytes = max_audio_bytes
        self._turn = Entrance(1)

    async def voices(self) -> VoiceList:
        """The voices that are there by now."""
        return await asyncio.to_thread(self._voices.listed)

    async def begin(
        self, passages: Sequence[Passage], voice_id: str, language: str, seed: int, owner: str = ""
    ) -> Spoken:
        """Speak the first passage that the voice can read. Raises `UnknownVoice`, and what `speak` does."""
        first, *rest = await asyncio.to_thread(self._readable, passages, voice_id)
        silence_s = 0.0 if passages[0].text else passages[0].pause_s
        speech = delayed(await self.speak(first, voice_id, seed, owner), silence_s)
        return Spoken(speech, tuple(rest), voice_id, language, seed)

    async def speak(self, passage: Passage, voice_id: str, seed: int, owner: str = "") -> Speech:
        """A passage to speech. Raises `UnknownVoice`, `UnspeakableText`, `SpeechServerFailed`."""
        engine = await asyncio.to_thread(self._voices.engine, voice_id)  # a server may be asked for it

        def spoken() -> Speech:
            return in_manner(engine.speak(passage, seed), passage)

        if not engine.computes_here:
            return await asyncio.to_thread(spoken)
        async with self._turn.inside(owner):
            return await asyncio.to_thread(spoken)

    async def decode(self, data: bytes) -> Spoken:
        """The bytes of a sound file to speech. Raises `UnreadableAudio`, `AudioTooLong`."""
        return Spoken(await asyncio.to_thread(decode_audio, data, self._max_audio_s, self._max_audio_bytes))

    def _readable(self, passages: Sequence[Passage], voice_id: str) -> list[Passage]:
        """The passages with words that the voice can read. Raises `UnspeakableText` where there is none."""
        engine = self._voices.engine(voice_id)
        readable = [passage for passage in passages if engine.reads(passage.text)]
        if not readable:
            raise UnspeakableText("The voice finds no word in the text that it can read: write it in its language.")
        return readable
