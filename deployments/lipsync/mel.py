"""Sound to the mel spectrogram that Wav2Lip was trained on, and the part of it that each video frame sees.

The recipe is the published one: 16 kHz, pre-emphasis, centred STFT, 80 Slaney bands, decibels scaled to
[-4, 4]. It runs block by block: a long sound needs no more memory than its spectrogram.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import librosa.filters
import numpy as np
import soxr
from numpy.typing import NDArray

from deployments.media import Waveform

Floats = NDArray[np.float64]
Alignment = Literal["published", "training"]

RATE_HZ = 16_000
WINDOW = 800  # samples: 50 ms, and the length of the FFT
HOP = 200  # samples: 12.5 ms
COLUMNS_PER_S = RATE_HZ / HOP
BANDS = 80
BANDS_HZ = (55, 7600)
PRE_EMPHASIS = 0.97
FLOOR = 1e-5  # the amplitude that counts as silence, -100 dB
REFERENCE_DB = 20
RANGE = 4.0  # scaled values lie in [-RANGE, RANGE]
STEP = 16  # columns that a frame sees: 0.2 s
TRAINING_LEAD = COLUMNS_PER_S / 25  # training showed frame f the sound from frame f - 1 on, at 25 fps
BLOCK_S = 4


def mel_spectrogram(waveform: Waveform) -> NDArray[np.float32]:
    """Return (80, columns) in [-4, 4]: 80 columns a second, column c centred on c / 80 seconds.

    A sound shorter than the 16 columns that one frame sees is followed by silence.
    """
    bank = librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW, n_mels=BANDS, fmin=BANDS_HZ[0], fmax=BANDS_HZ[1])
    out = np.full((BANDS, STEP + math.ceil(waveform.duration_s * COLUMNS_PER_S)), -RANGE, np.float32)
    filled, samples = 0, np.empty(0)
    for block in _centred(_pre_emphasised(_resampled(waveform))):
        samples = np.concatenate([samples, block])
        columns = max(0, 1 + (len(samples) - WINDOW) // HOP)
        if columns:
            out[:, filled : filled + columns] = _columns(samples, bank)
        filled, samples = filled + columns, samples[columns * HOP :]
    return out[:, : max(filled, STEP)]


def window_starts(
    columns: int, fps: float, frames: int | None = None, alignment: Alignment = "published"
) -> NDArray[np.int32]:
    """Return the first of the 16 mel columns that each video frame sees: `int(frame * 80 / fps)`.

    The published loop ends with the first frame whose window would reach past the sound, up to 160 ms early,
    and shows it the last 16 columns. With `frames`, so many frames are answered, the late ones so. The
    published windows start one training frame (40 ms) later than in training: `training` takes that back.
    """
    last = columns - STEP
    if frames is None:
        frames = math.ceil((last + 1) * fps / COLUMNS_PER_S) + 1
    lead = TRAINING_LEAD if alignment == "training" else 0.0
    starts: Floats = np.clip(np.arange(frames) * (COLUMNS_PER_S / fps) - lead, 0, last)
    return starts.astype(np.int32)


def _resampled(waveform: Waveform) -> Iterator[Floats]:
    """The sound at 16 kHz in [-1, 1], in blocks."""
    step = BLOCK_S * waveform.rate_hz
    blocks = (waveform.samples[at : at + step] / 32768.0 for at in range(0, len(waveform.samples), step))
    if waveform.rate_hz == RATE_HZ:
        yield from blocks
        return
    resampler = soxr.ResampleStream(waveform.rate_hz, RATE_HZ, 1, dtype="float64")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty(0), last=True)


def _pre_emphasised(blocks: Iterator[Floats]) -> Iterator[Floats]:
    """y[n] = x[n] - 0.97 x[n - 1], across the blocks' borders."""
    before = np.zeros(1)
    for block in blocks:
        samples = np.concatenate([before, block])
        yield samples[1:] - PRE_EMPHASIS * samples[:-1]
        before = samples[-1:]


def _centred(blocks: Iterator[Floats]) -> Iterator[Floats]:
    """Half a window of silence before and after, so that the first column is centred on the first sample."""
    yield np.zeros(WINDOW // 2)
    yield from blocks
    yield np.zeros(WINDOW // 2)


def _columns(samples: Floats, bank: NDArray[np.float32]) -> Floats:
    """Every whole window in (n,) samples to (80, columns): STFT amplitude, mel bands, scaled decibels."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    amplitude = bank @ np.abs(np.fft.rfft(windows * hann)).T
    decibels = 20 * np.log10(np.maximum(FLOOR, amplitude)) - REFERENCE_DB
    scaled = 2 * RANGE * (decibels + 100) / 100 - RANGE
    return np.clip(scaled, -RANGE, RANGE)
