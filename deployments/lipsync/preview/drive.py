"""Speech to the drive of the preview mouth: shapes, then the rules of timing that make it look spoken."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.articulation import Articulation, Span, heard, told
from deployments.lipsync.preview.channels import GAP, GRID_HZ
from deployments.lipsync.preview.sound import loudness, mel_powers
from deployments.media import MouthDrive, Speech

Curve = NDArray[np.float64]

JAW_SIGMA_S = 0.035
LIPS_SIGMA_S = 0.018
SIGMA_REACH = 4
QUIET_GAP, LOUD_GAP = 0.45, 1.14
"""A gap is scaled from the first, where nothing is heard, to the second, where speech is loudest."""

CLOSURE_HALF_S = 0.022
CLOSURE_SHARE = 0.28
CLOSE_S, OPEN_S = 0.060, 0.080
"""Time to shut the lips before a closure, and to part them after it."""

SPEED_LIMIT = 3.0
"""Fastest change of the gap, in W a second."""


def drive_from(engine: str, speech: Speech, fps: float) -> MouthDrive:
    """Return the drive of max(1, round(fps * seconds)) frames, features (len(CHANNELS), frames) float32."""
    duration_s = speech.waveform.duration_s
    frames = max(1, round(fps * duration_s))
    samples = int(np.ceil(duration_s * GRID_HZ)) + 1
    curves = _curves(speech, samples, 0.55 / fps)
    centres = (np.arange(frames) + 0.5) / fps * GRID_HZ
    features = np.array([np.interp(centres, np.arange(samples), curve) for curve in curves], np.float32)
    return MouthDrive(engine, fps, features, np.arange(frames, dtype=np.int32), width=1)


def _curves(speech: Speech, samples: int, frame_half_s: float) -> Curve:
    """Return the channels on the grid, (channels, samples)."""
    powers = mel_powers(speech.waveform)
    duration_s = speech.waveform.duration_s
    articulation = told(speech.phonemes, duration_s, samples) if speech.phonemes else heard(powers, samples)
    curves = articulation.shapes
    curves[GAP] = _smooth(curves[GAP], JAW_SIGMA_S) * (QUIET_GAP + (LOUD_GAP - QUIET_GAP) * loudness(powers, samples))
    curves = np.array([_smooth(curve, LIPS_SIGMA_S) for curve in curves])
    for span in _closures(articulation, frame_half_s):
        _shut(curves[GAP], span)
    curves[GAP] = _slowed(curves[GAP])
    return curves


def _smooth(curve: Curve, sigma_s: float) -> Curve:
    """Return the curve under a Gaussian, which reaches no further than SIGMA_REACH sigmas."""
    reach = round(SIGMA_REACH * sigma_s * GRID_HZ)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma_s * GRID_HZ)) ** 2)
    return np.convolve(np.pad(curve, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def _closures(articulation: Articulation, frame_half_s: float) -> Iterator[Span]:
    """Yield when the lips must be shut: the middle of each P, B and M, and of each pause, for a frame at least."""
    for begin_s, end_s in articulation.closures:
        middle_s = (begin_s + end_s) / 2
        half_s = max(CLOSURE_HALF_S, CLOSURE_SHARE * (end_s - begin_s), frame_half_s)
        yield middle_s - half_s, middle_s + half_s
    for begin_s, end_s in articulation.rests:
        middle_s = (begin_s + end_s) / 2
        yield min(begin_s + OPEN_S, middle_s - frame_half_s), max(end_s - CLOSE_S, middle_s + frame_half_s)


def _shut(gap: Curve, span: Span) -> None:
    """Force the gap to 0 over a span of seconds, with ramps before and after it, in place."""
    begin, end = span[0] * GRID_HZ, span[1] * GRID_HZ
    first, stop = max(0, int(begin - CLOSE_S * GRID_HZ)), max(0, int(end + OPEN_S * GRID_HZ) + 2)
    at = np.arange(first, min(stop, len(gap)))
    away = np.maximum((begin - at) / (CLOSE_S * GRID_HZ), (at - end) / (OPEN_S * GRID_HZ)).clip(0.0, 1.0)
    gap[first:stop] *= away * away * (3 - 2 * away)


def _slowed(gap: Curve) -> Curve:
    """Return the highest curve below `gap` that changes no faster than SPEED_LIMIT, so closures stay shut."""
    rise = np.arange(len(gap)) * (SPEED_LIMIT / GRID_HZ)
    forward = np.minimum.accumulate(gap - rise) + rise
    slowed: Curve = np.minimum.accumulate((forward + rise)[::-1])[::-1] - rise
    return np.maximum(slowed, 0.0)
