"""The speech stage as a Serve deployment."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from ray import serve

from deployments.errors import UnknownVoice, UnspeakableText
from deployments.logs import name_videos
from deployments.media import Passage, Speech, Spoken
from deployments.priority import give_way
from deployments.speech.audio_file import decode_audio
from deployments.speech.engine import SpeechEngine


@serve.deployment
class SpeechStage:
    """Speaks text and decodes sound files, in threads: the event loop stays free for other calls."""

    def __init__(
        self, voices: Mapping[str, Callable[[], SpeechEngine]], max_audio_s: float, max_audio_bytes: int
    ) -> None:
        name_videos()
        give_way()
        self._voices = {voice_id: make() for voice_id, make in voices.items()}
        self._max_audio_s = max_audio_s
        self._max_audio_bytes = max_audio_bytes

    async def versions(self) -> dict[str, str]:
        """Each voice's version by voiceId."""
        return {voice_id: engine.version for voice_id, engine in self._voices.items()}

    async def begin(self, passages: Sequence[Passage], voice_id: str, seed: int) -> Spoken:
        """Speak the first passage that the voice can read. Raises `UnknownVoice`, and what `speak` does."""
        first, *rest = await asyncio.to_thread(self._readable, passages, voice_id)
        return Spoken(await self.speak(first, voice_id, seed), tuple(rest), voice_id, seed)

    async def speak(self, passage: Passage, voice_id: str, seed: int) -> Speech:
        """A passage to speech. Raises `UnspeakableText`, `SpeechServerFailed`."""
        return await asyncio.to_thread(self._voices[voice_id].speak, passage, seed)

    async def decode(self, data: bytes) -> Spoken:
        """The bytes of a sound file to speech. Raises `UnreadableAudio`, `AudioTooLong`."""
        return Spoken(await asyncio.to_thread(decode_audio, data, self._max_audio_s, self._max_audio_bytes))

    def _readable(self, passages: Sequence[Passage], voice_id: str) -> list[Passage]:
        """The passages with words that the voice can read. Raises `UnspeakableText` where there is none."""
        if voice_id not in self._voices:
            raise UnknownVoice.among(voice_id, self._voices)
        readable = [passage for passage in passages if self._voices[voice_id].reads(passage.text)]
        if not readable:
            raise UnspeakableText("The voice finds no word in the text that it can read: write it in its language.")
        return readable
