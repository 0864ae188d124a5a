"""The speech stage as a Serve deployment."""

import asyncio
from collections.abc import Callable, Mapping

from ray import serve

from deployments.errors import UnknownVoice
from deployments.logs import name_videos
from deployments.media import Speech
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

    async def speak(self, text: str, voice_id: str, seed: int) -> Speech:
        """Text to speech. Raises `UnknownVoice`, `UnspeakableText`, `SpeechServerFailed`."""
        if voice_id not in self._voices:
            raise UnknownVoice.among(voice_id, self._voices)
        return await asyncio.to_thread(self._voices[voice_id].speak, text, seed)

    async def decode(self, data: bytes) -> Speech:
        """The bytes of a sound file to speech. Raises `UnreadableAudio`, `AudioTooLong`."""
        return await asyncio.to_thread(decode_audio, data, self._max_audio_s, self._max_audio_bytes)
