"""What is done to a voice's speech whatever the voice: its pitch, and the silence around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deployments.media import Passage, Phoneme, Speech, Waveform, Word
from deployments.speech.pitch import pitched


def in_manner(speech: Speech, passage: Passage) -> Speech:
    """Return the speech of a passage at its pitch and with its pause.

    Where the voice does not know its words, all that is written is one word.
    """
    words = speech.words or (Word(passage.written, 0.0, speech.waveform.duration_s),)
    higher = pitched(speech.waveform, passage.pitch)
    samples = np.concatenate([higher.samples, _silence(passage.pause_s, higher.rate_hz)])
    return replace(speech, waveform=Waveform(samples, higher.rate_hz), words=words)


def delayed(speech: Speech, by_s: float) -> Speech:
    """Return the speech after so much silence."""
    before = _silence(by_s, speech.waveform.rate_hz)
    start_s = len(before) / speech.waveform.rate_hz
    return Speech(
        Waveform(np.concatenate([before, speech.waveform.samples]), speech.waveform.rate_hz),
        tuple(Phoneme(each.symbol, start_s + each.start_s, start_s + each.end_s) for each in speech.phonemes),
        tuple(Word(each.text, start_s + each.start_s, start_s + each.end_s) for each in speech.words),
    )


def _silence(seconds: float, rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.zeros(round(seconds * rate_hz), np.int16)
