"""Life: when a head sways, breathes and blinks. Every moment follows from the seed and the time in the video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.channels import LIFE
from deployments.lipsync.preview.warp import smoothstep
from deployments.media import Life

Curve = NDArray[np.floating]

WANDER_HZ = (0.11, 0.19, 0.31)
WANDER_SHARES = (0.5, 0.32, 0.18)
"""A sway is a sum of slow waves; each seed has its own phases, and speeds that differ by up to WANDER_SPREAD."""
WANDER_SPREAD = 0.15
BREATH_HZ, BREATH_SHARE = 0.25, 0.3
"""Breaths a second, and what they have of the head's nod."""
WAKE_S = 1.5
"""A video begins as the photo is; the sway is whole after this."""

BLINK_EVERY_S, BLINK_SPREAD = 3.6, 0.6
"""A blink in each span of this length, in the middle share of it: 1.4 to 5.8 s apart, about 17 a minute."""
SHUT_S, SHUT_FOR_S, OPEN_S = 0.09, 0.05, 0.16


def life_curves(life: Life, fps: float, frames: int) -> Curve:
    """Return LIFE for each of some frames, (len(LIFE), frames), the first of them `life.start_s` into the video."""
    times_s = life.start_s + (np.arange(frames) + 0.5) / fps
    draws = np.random.default_rng(life.seed)
    awake = smoothstep(times_s / WAKE_S)
    turn, nod, tilt = (awake * _wander(draws, times_s) for _ in LIFE[:3])
    breath = awake * np.sin(2 * np.pi * (BREATH_HZ * times_s + draws.random()))
    return np.array([turn, (1 - BREATH_SHARE) * nod + BREATH_SHARE * breath, tilt, _blinks(life.seed, times_s)])


def _wander(draws: np.random.Generator, times_s: Curve) -> Curve:
    speeds = np.array(WANDER_HZ) * draws.uniform(1 - WANDER_SPREAD, 1 + WANDER_SPREAD, len(WANDER_HZ))
    waves = np.sin(2 * np.pi * (np.outer(times_s, speeds) + draws.random(len(WANDER_HZ))))
    wander: Curve = waves @ np.array(WANDER_SHARES)
    return wander


def _blinks(seed: int, times_s: Curve) -> Curve:
    """Return how far the eyes are shut, 0 to 1, at each time."""
    span = (times_s // BLINK_EVERY_S).astype(np.int64)
    places = {number: np.random.default_rng((seed, number)).random() for number in np.unique(span).tolist()}
    place = 0.5 + BLINK_SPREAD * (np.array([places[number] for number in span.tolist()]) - 0.5)
    after_s = times_s - (span + place) * BLINK_EVERY_S
    shut = np.where(after_s < 0, 1 + after_s / SHUT_S, 1 - (after_s - SHUT_FOR_S) / OPEN_S)
    return smoothstep(shut)
