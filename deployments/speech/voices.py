"""The voices of a service by voiceId, and what a text must be before any of them speaks it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from deployments.errors import EmptyText, InvalidRequest, TextTooLong, UnknownVoice
from deployments.media import Speech
from deployments.speech.engine import SpeechEngine

DEFAULT_VOICE = "default"
MAX_TEXT_CHARS = 1000


class VoiceBook:
    """Speaks with the engine of a voiceId; `voices` must hold `default`."""

    def __init__(self, voices: Mapping[str, SpeechEngine], max_text_chars: int = MAX_TEXT_CHARS) -> None:
        if DEFAULT_VOICE not in voices:
            raise ValueError(f"A voice named {DEFAULT_VOICE!r} must exist; there are {sorted(voices)}.")
        self._voices = dict(voices)
        self._max_text_chars = max_text_chars

    def versions(self) -> dict[str, str]:
        """Return each voice's version by voiceId."""
        return {voice_id: engine.version for voice_id, engine in self._voices.items()}

    def version(self, voice_id: str) -> str:
        """Return what changes whenever the voice's sound would. Raises `UnknownVoice`."""
        return self._engine(voice_id).version

    def speak(self, text: str, voice_id: str = DEFAULT_VOICE) -> Speech:
        """Return `text` spoken.

        Raises `UnknownVoice`, `EmptyText`, `TextTooLong`, `InvalidRequest`, and what the engine raises.
        """
        return self._engine(voice_id).speak(readable(text, self._max_text_chars))

    def _engine(self, voice_id: str) -> SpeechEngine:
        if voice_id not in self._voices:
            known = sorted(self._voices)
            raise UnknownVoice(f"There is no voice {voice_id!r}; choose one of {', '.join(known)}.", {"known": known})
        return self._voices[voice_id]


def readable(text: str, max_chars: int) -> str:
    """Return `text` with plain line ends and no space around it.

    Raises `EmptyText`, `TextTooLong`, and `InvalidRequest` where it has control characters or half of a character.
    """
    text = "\n".join(text.replace("\t", " ").splitlines()).strip()
    if not text:
        raise EmptyText("The text is empty: write what the photo shall say.")
    if len(text) > max_chars:
        raise TextTooLong(
            f"The text has {len(text)} characters and the limit is {max_chars}: shorten it, or send it in parts.",
            {"chars": len(text), "max_chars": max_chars},
        )
    if bad := sorted(
        {f"U+{ord(char):04X}" for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cs")}
    ):
        raise InvalidRequest(f"The text has control characters ({', '.join(bad)}): take them out.", {"characters": bad})
    return text
