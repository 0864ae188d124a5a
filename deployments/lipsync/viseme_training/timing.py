"""Phoneme times as the mouth needs them: sounds that it knows, and stops that begin when the lips close."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from openfacefx.ipa import IPA_MAPPING

from deployments.media import Phoneme, Waveform

STOPS = frozenset("pbtdkɡg")
BLOCK_S = 0.005
SHUT_BELOW_DB = 24.0
"""A stop that a voice dates at its burst began when the sound fell this far below the loudest of its surroundings."""
REACH_S = 0.10


def dated(items: Iterable[tuple[str, float, float]], waveform: Waveform) -> Iterator[Phoneme]:
    """Yield phonemes that the mouth knows; stops begin with their closure, which is taken from the phoneme before."""
    phonemes = [Phoneme(*part) for item in items if item[0] and item[2] > item[1] for part in _known(*item)]
    levels_db = _levels_db(waveform)
    starts_s = [
        _closed_since(phoneme.start_s, levels_db) if phoneme.symbol[0] in STOPS else phoneme.start_s
        for phoneme in phonemes
    ]
    for phoneme, start_s, following_s in zip(phonemes, starts_s, [*starts_s[1:], np.inf], strict=True):
        yield Phoneme(phoneme.symbol, start_s, max(start_s + BLOCK_S, min(phoneme.end_s, following_s)))


def _known(symbol: str, start_s: float, end_s: float) -> Iterator[tuple[str, float, float]]:
    """Yield the symbol, or its letters in equal parts where only these are known to the mouth."""
    parts = [symbol] if _shown(symbol) else [letter for letter in symbol if _shown(letter)]
    edges_s = np.linspace(start_s, end_s, len(parts) + 1).tolist()
    yield from zip(parts, edges_s, edges_s[1:], strict=False)


def _shown(symbol: str) -> bool:
    return bool(IPA_MAPPING.row(symbol) != IPA_MAPPING.row("sil"))


def _levels_db(waveform: Waveform) -> NDArray[np.float64]:
    block = round(BLOCK_S * waveform.rate_hz)
    sound = waveform.samples[: len(waveform.samples) // block * block].astype(np.float64).reshape(-1, block)
    levels_db: NDArray[np.float64] = 10 * np.log10((sound**2).mean(axis=1) + 1.0)
    return levels_db


def _closed_since(start_s: float, levels_db: NDArray[np.float64]) -> float:
    """Return when the sound fell before `start_s`, or `start_s` where it had not."""
    at, reach = round(start_s / BLOCK_S), round(REACH_S / BLOCK_S)
    floor_db = levels_db[max(0, at - reach) : at + reach].max(initial=0.0) - SHUT_BELOW_DB
    first = at
    while first > max(0, at - reach) and levels_db[min(first, len(levels_db)) - 1] < floor_db:
        first -= 1
    return first * BLOCK_S if first < at else start_s
