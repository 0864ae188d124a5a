"""What the sound alone tells: its mel spectrum, and how loud it is.

Sound is read in blocks, so that memory does not grow with its length beyond the spectrum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.channels import GRID_HZ
from deployments.media import Waveform

Curve = NDArray[np.float64]

MEL_HZ = 100
"""Spectra a second; column k is around k / MEL_HZ seconds."""

WINDOW_S = 0.025
BANDS = 40
LOWEST_HZ, HIGHEST_HZ = 60.0, 7600.0
BLOCK = 256
"""Spectra computed at a time."""

SILENCE_DB = -55.0
"""Sound whose loud parts stay below this, relative to full scale, is taken for silence."""

LOUD_PERCENTILE = 93
ACTIVE = 1e-3
"""Of the power of the loudest parts: what is more is heard."""
INSTANT = 20
"""Columns, 0.2 s: what is loud for less than half of that does not tell how loud a sound is."""


def mel_powers(waveform: Waveform) -> NDArray[np.float32]:
    """Return the power in each mel band, (BANDS, columns), a sine at full scale being 1."""
    rate_hz = waveform.rate_hz
    columns = int(np.ceil(waveform.duration_s * MEL_HZ)) + 1
    length = max(16, round(WINDOW_S * rate_hz))
    window = np.hanning(length).astype(np.float32)
    window /= np.float32(32768.0 * np.sqrt(length * (window @ window) / 4))
    bands = _mel_bands(np.fft.rfftfreq(length, 1 / rate_hz))
    powers = np.empty((BANDS, columns), np.float32)
    for first in range(0, columns, BLOCK):
        stop = min(first + BLOCK, columns)
        spectrum = np.fft.rfft(_windows(waveform, first, stop, length) * window)
        powers[:, first:stop] = bands @ (spectrum.real**2 + spectrum.imag**2).T
    return powers


def _mel_bands(frequencies_hz: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return triangles on O'Shaughnessy's mel scale that add up to 1, (BANDS, frequencies)."""
    lowest, highest = 2595 * np.log10(1 + np.array([LOWEST_HZ, HIGHEST_HZ]) / 700)
    position = (2595 * np.log10(1 + frequencies_hz / 700) - lowest) / (highest - lowest) * (BANDS + 1)
    triangles = 1 - np.abs(position - np.arange(1, BANDS + 1)[:, None])
    bands: NDArray[np.float32] = np.maximum(triangles, 0.0).astype(np.float32)
    return bands


def _windows(waveform: Waveform, first: int, stop: int, length: int) -> NDArray[np.int16]:
    """Return the samples around columns [first, stop), (columns, length), with silence beyond the ends."""
    begins = np.round(np.arange(first, stop) * (waveform.rate_hz / MEL_HZ)).astype(np.int64) - length // 2
    low, high = begins[0], begins[-1] + length
    inside = waveform.samples[max(low, 0) : max(high, 0)]
    before = max(-low, 0)
    padded = np.pad(inside, (before, high - low - before - len(inside)))
    windows: NDArray[np.int16] = np.lib.stride_tricks.sliding_window_view(padded, length)[begins - low]
    return windows


def active(power: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which columns of a sound are heard, by their power, however much silence is around them.

    What is loud for an instant only, a knock, does not count for how loud the sound is.
    """
    loudest = np.partition(power, -min(INSTANT, len(power)))[-INSTANT:]
    heard: NDArray[np.bool_] = power > ACTIVE * np.median(loudest)
    return heard


def loudness(powers: NDArray[np.float32], samples: int) -> Curve:
    """Return the loudness on the grid, 0 to 1, where 1 is what the loud parts of this sound have."""
    power = powers.sum(axis=0)
    amplitude, heard = np.sqrt(power), active(power)
    loud = np.percentile(amplitude[heard], LOUD_PERCENTILE) if heard.any() else 0.0
    if loud <= 10 ** (SILENCE_DB / 20):
        return np.zeros(samples)
    return on_grid(np.sqrt(np.clip(amplitude / loud, 0.0, 1.0)), MEL_HZ, samples)


def on_grid(curve: NDArray[np.floating], rate_hz: float, samples: int, begin_s: float = 0.0) -> Curve:
    """Return a curve, `rate_hz` values a second of which the first is at `begin_s`, on the grid of the drive."""
    values: Curve = np.interp(np.arange(samples) / GRID_HZ, begin_s + np.arange(len(curve)) / rate_hz, curve)
    return values
