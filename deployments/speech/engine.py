"""The contract of a speech engine."""

from __future__ import annotations

from typing import Protocol

from deployments.media import Speech


class SpeechEngine(Protocol):
    """Speaks text with one voice."""

    version: str
    """Changes whenever the sound would: model, voice and settings."""

    def speak(self, text: str, seed: int = 0) -> Speech:
        """Return the speech; phonemes are empty where the engine does not know them.

        What is random in it is drawn from `seed`, which changes nothing where nothing is.

        Raises `UnspeakableText` where no sound comes of the text, `SpeechServerFailed` where a server
        behind the engine fails. Never returns a silent clip.
        """
