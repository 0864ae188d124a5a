"""What is done to a voice's speech whatever the voice: its pitch, and the silence around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deployments.media import Passage, Speech, Waveform, Word, later
from deployments.speech.pitch import pitched

# What voices differ in most: the built-in one has 0.2 s of silence around a sentence, espeak-ng none. A mouth needs the
# time to open and to shut.
BEFORE_S, AFTER_S = 0.1, 0.2
SILENT = 0.01
"""Of the peak."""


def in_manner(speech: Speech, passage: Passage) -> Speech:
    """Return the speech of a passage at its pitch, with some silence around it and its pause.

    Where the voice does not know its words, all that is written is one word.
    """
    words = speech.words or (Word(passage.written, 0.0, speech.waveform.duration_s),)
    higher = pitched(speech.waveform, passage.pitch)
    rate_hz = higher.rate_hz
    level = np.abs(higher.samples.astype(np.int32))
    heard = np.flatnonzero(level > SILENT * level.max())
    begin_s, end_s = heard[0] / rate_hz, (len(higher.samples) - 1 - heard[-1]) / rate_hz
    after = _silence(max(AFTER_S - end_s, 0.0) + passage.pause_s, rate_hz)
    longer = Waveform(np.concatenate([higher.samples, after]), rate_hz)
    return delayed(replace(speech, waveform=longer, words=words), max(BEFORE_S - begin_s, 0.0))


def delayed(speech: Speech, by_s: float) -> Speech:
    """Return the speech after so much silence."""
    before = _silence(by_s, speech.waveform.rate_hz)
    start_s = len(before) / speech.waveform.rate_hz
    return Speech(
        Waveform(np.concatenate([before, speech.waveform.samples]), speech.waveform.rate_hz),
        tuple(later(phoneme, start_s) for phoneme in speech.phonemes),
        tuple(later(word, start_s) for word in speech.words),
    )


def _silence(seconds: float, rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.zeros(round(seconds * rate_hz), np.int16)
