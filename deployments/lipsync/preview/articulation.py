"""What a mouth does in speech, and when its lips must be shut: told by phonemes or, without them, heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.channels import GRID_HZ
from deployments.lipsync.preview.hearing import FRAME_BEGIN_S, FRAME_HZ, Hearing
from deployments.lipsync.preview.sound import on_grid
from deployments.lipsync.preview.visemes import PAUSE_S, VISEMES, mouth_shapes, shuts_lips, viseme_weights
from deployments.media import Phoneme

Span = tuple[float, float]
"""Begin and end in seconds."""

SURE = 0.5
"""From this probability on, lips are taken to be closed, or the speaker to pause."""

BRIEF_S = 0.03
"""Closures that are heard for less are none, and two that are less apart are one."""

BEYOND_S = 1.0
"""How far the rests at the ends of a sound reach beyond it, so that they count as pauses however short they are."""


@dataclass(frozen=True, eq=False)
class Articulation:
    """The shapes of the mouth on the grid, (channels, samples), not yet smoothed; P, B and M; and pauses."""

    shapes: NDArray[np.float64]
    closures: tuple[Span, ...]
    rests: tuple[Span, ...]


def told(phonemes: Sequence[Phoneme], duration_s: float, samples: int) -> Articulation:
    """Return the articulation of phonemes in a sound of that length."""
    closures = tuple((phoneme.start_s, phoneme.end_s) for phoneme in phonemes if shuts_lips(phoneme))
    ends_s = [-BEYOND_S, *(phoneme.end_s for phoneme in phonemes)]
    starts_s = [*(phoneme.start_s for phoneme in phonemes), duration_s + BEYOND_S]
    rests = tuple(span for span in zip(ends_s, starts_s, strict=True) if span[1] - span[0] > PAUSE_S)
    return Articulation(mouth_shapes(viseme_weights(phonemes, samples)), closures, rests)


def heard(powers: NDArray[np.float32], samples: int) -> Articulation:
    """Return the articulation of a sound whose mel powers (bands, columns) these are."""
    weights, shut = Hearing.trained()(powers)
    rows = [*mouth_shapes(weights), weights[VISEMES.index("sil")], shut]
    curves = np.array([on_grid(row, FRAME_HZ, samples, FRAME_BEGIN_S) for row in rows])
    shapes, silent, closed = curves[:-2], curves[-2], curves[-1]
    rests = [_beyond(rest, samples / GRID_HZ) for rest in _runs(silent > SURE)]
    rests = [rest for rest in rests if rest[1] - rest[0] > PAUSE_S]
    for begin_s, end_s in rests:
        shapes[:, max(0, round(begin_s * GRID_HZ)) : round(end_s * GRID_HZ)] = 0.0
    closures = [span for span in merged(_runs(closed > SURE)) if span[1] - span[0] >= BRIEF_S]
    return Articulation(shapes, tuple(closures), tuple(rests))


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield spans in their order, those that are less than BRIEF_S apart as one."""
    last: Span | None = None
    for span in spans:
        if last and span[0] - last[1] < BRIEF_S:
            last = (last[0], span[1])
            continue
        if last:
            yield last
        last = span
    if last:
        yield last


def _beyond(rest: Span, end_s: float) -> Span:
    """Return the rest, made longer where it touches the begin or the end of the sound."""
    return (rest[0] or -BEYOND_S, rest[1] + BEYOND_S if rest[1] >= end_s else rest[1])


def _runs(flags: NDArray[np.bool_]) -> Iterator[Span]:
    """Yield the time of each run of true ones on the grid."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    yield from ((first / GRID_HZ, stop / GRID_HZ) for first, stop in edges.reshape(-1, 2))
