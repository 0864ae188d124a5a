"""The pauses of a mel spectrogram made truly silent, so that a mouth rests in them instead of trembling in noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.mel import COLUMNS_PER_S, RANGE

Levels = NDArray[np.float32]

DB = 2 * RANGE / 100
"""One decibel on the mel's scale."""

LOUD_PERCENTILE, QUIET_PERCENTILE = 95, 5
"""Of the columns: how loud the speech is, and how loud the noise that is always there. Where a twentieth of a sound is
silence, that is its noise: soft ends of speech are not."""

SILENT = -RANGE + 4 * DB
"""A column at this level is silence in any sound: the scale ends just below."""

LOUDEST = 20
"""Bands that tell a column's level: a quarter, as many as a hum or a hiss fills."""

STRETCH = round(0.1 * COLUMNS_PER_S)
"""The noise is judged over so many columns, shorter than any pause."""

ABOVE_NOISE = 4 * DB
"""How far the noise itself wavers."""

UNDER_SPEECH = 20 * DB
"""Nothing nearer to the loud columns is ever a pause; a sound that is one even noise has none."""

HYSTERESIS = 3 * DB
"""A pause falls this much below the level that bounds it, once at least."""

MARGIN = 2
"""Columns next to speech that keep what they have: its soft onsets and ends."""

SHORTEST = round(0.12 * COLUMNS_PER_S)
"""Columns: a shorter quiet is the closure of a consonant."""


def rested(mel: Levels) -> Levels:
    """Return a mel (80, columns) in [-4, 4] with exactly -4 throughout its pauses; itself where it has none.

    Noise lifts all bands of a column a little, any speech sound some of them a lot: its loudest bands are judged.
    """
    level = _level(mel)
    pauses = _pauses(level, _threshold(level))
    return np.where(pauses, np.float32(-RANGE), mel) if pauses.any() else mel


def _level(mel: Levels) -> Levels:
    """Return how loud each column is, (columns,): the mean of its loudest bands."""
    level: Levels = np.partition(mel, -LOUDEST, axis=0)[-LOUDEST:].mean(axis=0)
    return level


def _threshold(level: Levels) -> float:
    """Return the level under which there is no speech: just above the sound's quietest, well below its loudest."""
    noise, loud = np.percentile(_smoothed(level), (QUIET_PERCENTILE, LOUD_PERCENTILE))
    return max(SILENT, min(float(noise) + ABOVE_NOISE, float(loud) - UNDER_SPEECH))


def _pauses(level: Levels, threshold: float) -> NDArray[np.bool_]:
    """Return which columns lie in a pause, (columns,)."""
    pauses = np.zeros(len(level), bool)
    edges = np.flatnonzero(np.diff(level < threshold, prepend=False, append=False))
    for start, stop in edges.reshape(-1, 2):
        first, last = start + MARGIN * (start > 0), stop - MARGIN * (stop < len(level))
        if last - first >= SHORTEST and level[first:last].min() < max(threshold - HYSTERESIS, SILENT):
            pauses[first:last] = True
    return pauses


def _smoothed(level: Levels) -> Levels:
    """Return the means of each stretch of columns."""
    stretch = min(STRETCH, len(level))
    return np.convolve(level, np.full(stretch, 1 / stretch, np.float32), mode="valid")
