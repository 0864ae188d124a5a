"""What the sound alone tells: loudness, and for speech without phonemes a mouth that is alive and in time.

Sound is read in blocks, so that memory does not grow with its length beyond the 200 Hz grid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.channels import CHANNELS, GRID_HZ
from deployments.media import Waveform

Curve = NDArray[np.float64]

WINDOW_S = 0.025
BLOCK = 256
"""Grid points analysed at a time."""

BANDS_HZ = ((100, 1000), (1000, 1900), (1900, 3500), (4000, 8000))
"""Where vowels have their first formant, back vowels their second, front vowels their second, and where S hisses."""

SILENCE_DB = -55.0
"""Sound whose loud parts stay below this, relative to full scale, is taken for silence."""

LOUD_PERCENTILE = 95


def band_powers(waveform: Waveform, samples: int) -> NDArray[np.float64]:
    """Return the power in each of BANDS_HZ around each grid point, (bands, samples), full scale being 1."""
    length = max(16, round(WINDOW_S * waveform.rate_hz))
    window = np.hanning(length).astype(np.float32)
    window /= np.float32(32768.0 * np.sqrt(length * (window @ window) / 2))
    frequencies = np.fft.rfftfreq(length, 1 / waveform.rate_hz)
    bands = np.array([(low <= frequencies) & (frequencies < high) for low, high in BANDS_HZ], np.float32)
    powers = np.empty((len(BANDS_HZ), samples))
    for first in range(0, samples, BLOCK):
        stop = min(first + BLOCK, samples)
        spectrum = np.fft.rfft(_windows(waveform, first, stop, length) * window)
        powers[:, first:stop] = bands @ (spectrum.real**2 + spectrum.imag**2).T
    return powers


def _windows(waveform: Waveform, first: int, stop: int, length: int) -> NDArray[np.int16]:
    """Return the samples around grid points [first, stop), (points, length), with silence beyond the ends."""
    begins = np.round(np.arange(first, stop) * (waveform.rate_hz / GRID_HZ)).astype(np.int64) - length // 2
    low, high = begins[0], begins[-1] + length
    inside = waveform.samples[max(low, 0) : max(high, 0)]
    before = max(-low, 0)
    padded = np.pad(inside, (before, high - low - before - len(inside)))
    windows: NDArray[np.int16] = np.lib.stride_tricks.sliding_window_view(padded, length)[begins - low]
    return windows


def loudness(powers: NDArray[np.float64]) -> Curve:
    """Return the loudness on the grid, 0 to 1, where 1 is what the loud parts of this sound have."""
    amplitude = np.sqrt(powers.sum(axis=0))
    loud = np.percentile(amplitude, LOUD_PERCENTILE)
    if loud <= 10 ** (SILENCE_DB / 20):
        return np.zeros_like(amplitude)
    loudness: Curve = np.sqrt(np.clip(amplitude / loud, 0.0, 1.0))
    return loudness


def sound_shapes(powers: NDArray[np.float64]) -> Curve:
    """Return mouth shapes told by band powers alone, (channels, samples): zero in silence, not yet smoothed.

    The jaw follows the level, each syllable against its neighbourhood; hiss brings the teeth together; bright
    vowels spread the lips and dark ones round them.
    """
    first, back, front, hiss = powers
    total = powers.sum(axis=0)
    level_db = 10 * np.log10(total + 1e-12)
    loud_db = np.percentile(level_db, LOUD_PERCENTILE)
    shapes = np.zeros((len(CHANNELS), len(total)))
    if loud_db <= SILENCE_DB:
        return shapes
    active = np.clip((level_db - loud_db + 30) / 12, 0.0, 1.0)
    syllable = np.clip((level_db - _highest_nearby(level_db, round(0.15 * GRID_HZ)) + 16) / 16, 0.0, 1.0)
    strength = np.clip((level_db - loud_db + 24) / 24, 0.0, 1.0)
    hissing = np.clip((hiss / (total + 1e-12) - 0.25) / 0.35, 0.0, 1.0)
    brightness = np.log10((front + 0.3 * back + 1e-12) / (first + 1e-12))
    spread = np.clip((brightness + 1.5) / 0.9, -1.0, 1.0) * (1 - hissing)
    shapes[CHANNELS.index("gap")] = active * (0.30 * strength * syllable**1.3 * (1 - hissing) + 0.08 * hissing)
    shapes[CHANNELS.index("corner")] = active * np.where(spread > 0, 0.04, 0.07) * spread
    shapes[CHANNELS.index("pucker")] = active * 0.8 * np.maximum(-spread, 0.0)
    shapes[CHANNELS.index("teeth")] = active * hissing
    return shapes


def _highest_nearby(curve: Curve, reach: int) -> Curve:
    padded = np.pad(curve, reach, mode="edge")
    highest: Curve = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    return highest
