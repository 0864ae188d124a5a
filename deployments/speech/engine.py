"""The contract of a speech engine."""

from __future__ import annotations

from typing import Protocol

from deployments.media import Passage, Speech


class SpeechEngine(Protocol):
    """Speaks text with one voice."""

    version: str
    """Changes whenever the sound would: model, voice and settings."""

    computes_here: bool
    """Whether this process makes the sound, rather than ask a server for it."""

    def reads(self, text: str) -> bool:
        """Return whether there is a word in the text that the voice would say."""

    def speak(self, passage: Passage, seed: int = 0) -> Speech:
        """Return the speech of a passage at its speed; phonemes and words are empty where they are not known.

        Pitch and pauses are not its work. What is random is drawn from `seed`, which changes nothing where nothing is.

        Raises `UnspeakableText` where no sound comes of the text, `SpeechServerFailed` where a server
        behind the engine fails. Never returns a silent clip.
        """
