"""Phoneme times to mouth shapes: openfacefx blends visemes, a table says what each does to the mouth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from openfacefx.alignment import PhonemeSegment
from openfacefx.coarticulation import CoartParams, build_viseme_curves
from openfacefx.ipa import IPA_MAPPING

from deployments.lipsync.preview.channels import GRID_HZ
from deployments.media import Phoneme

PAUSE_S = 0.09
"""A gap between phonemes longer than this shuts the mouth; a shorter one belongs to the phoneme before."""

SHAPES: dict[str, tuple[float, float, float, float, float, float]] = {
    #      gap  corner pucker lift teeth tongue
    "sil": (0.00, 0.000, 0.0, 0.0, 0.0, 0.0),
    "PP": (0.00, -0.010, 0.0, 0.0, 0.0, 0.0),
    "FF": (0.08, 0.000, 0.0, 1.0, 0.0, 0.0),
    "TH": (0.11, 0.000, 0.0, 0.0, 0.0, 1.0),
    "DD": (0.11, 0.010, 0.0, 0.0, 0.3, 0.6),
    "kk": (0.15, 0.000, 0.0, 0.0, 0.0, 0.0),
    "CH": (0.12, -0.060, 0.7, 0.0, 1.0, 0.0),
    "SS": (0.09, 0.030, 0.0, 0.0, 1.0, 0.0),
    "nn": (0.11, 0.010, 0.0, 0.0, 0.3, 0.6),
    "RR": (0.12, -0.070, 0.5, 0.0, 0.0, 0.0),
    "aa": (0.34, -0.030, 0.0, 0.0, 0.0, 0.0),
    "E": (0.22, 0.035, 0.0, 0.0, 0.0, 0.0),
    "I": (0.13, 0.135, 0.0, 0.0, 0.2, 0.0),
    "O": (0.22, -0.140, 0.8, 0.0, 0.0, 0.0),
    "U": (0.10, -0.210, 1.0, 0.0, 0.0, 0.0),
}

VISEMES = tuple(target.name for target in IPA_MAPPING.targets)
"""The order of viseme weights."""

CLEARNESS = 2.0
INSISTENCE = {"FF": 2.0, "U": 1.2}
"""How much the strongest viseme outweighs its neighbours: blended by their weights alone, an OO between consonants is
hardly round. Those that lips alone make insist on their shape."""

# Diphthongs glide: openfacefx splits those of ARPAbet only, at 55 %. Schwas open like ʌ. It does not know some
# consonants that English lacks.
GLIDES = {"aɪ": "aɪ", "aʊ": "aʊ", "eɪ": "eɪ", "oʊ": "oʊ", "əʊ": "oʊ", "ɔɪ": "ɔɪ"}
GLIDE_TURN = 0.55
ALIASES = {"ə": "ʌ", "ɐ": "ʌ", "ᵊ": "ʌ", "ᵻ": "ɪ"}
ALIASES |= {"ɓ": "b", "ʙ": "b", "ʂ": "ʃ", "ʐ": "ʒ", "β": "v", "ɸ": "f", "ɬ": "l", "ɮ": "l", "ħ": "h", "ʕ": "h"}
LIPS_SHUT = frozenset("pbm")

# Inner pauses are already told apart by PAUSE_S
COARTICULATION = CoartParams(short_silence=0.0)


def shuts_lips(phoneme: Phoneme) -> bool:
    """Return whether it is a P, a B or an M."""
    return ALIASES.get(phoneme.symbol, phoneme.symbol)[0] in LIPS_SHUT


def viseme_weights(phonemes: Sequence[Phoneme], samples: int) -> NDArray[np.float64]:
    """Return how much each viseme has of the mouth, (visemes, samples), adding up to 1: "sil" alone in pauses."""
    weights = np.zeros((len(VISEMES), samples))
    weights[VISEMES.index("sil")] = 1.0
    for phrase in phrases(phonemes):
        segments = [segment for phoneme in phrase for segment in _segments(phoneme)]
        _, curves = build_viseme_curves(segments, GRID_HZ, IPA_MAPPING, COARTICULATION)
        first = round(segments[0].start * GRID_HZ)
        room = weights[:, first : first + len(curves)]
        room[:] = curves[: room.shape[1]].T
    return weights


def mouth_shapes(weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the shapes of viseme weights (visemes, samples): (channels, samples), not yet smoothed."""
    table = np.array([SHAPES[name] for name in VISEMES]).T
    insistence = np.array([INSISTENCE.get(name, 1.0) for name in VISEMES])
    clear = (insistence[:, None] * weights) ** CLEARNESS
    shapes: NDArray[np.float64] = table @ (clear / np.maximum(clear.sum(axis=0), 1e-6))
    return shapes


def phrases(phonemes: Sequence[Phoneme]) -> Iterator[list[Phoneme]]:
    """Yield the runs of phonemes between pauses, with no gaps left in them."""
    run: list[Phoneme] = []
    for phoneme in phonemes:
        if run and phoneme.start_s - run[-1].end_s > PAUSE_S:
            yield run
            run = []
        if run:
            run[-1] = Phoneme(run[-1].symbol, run[-1].start_s, phoneme.start_s)
        run.append(phoneme)
    if run:
        yield run


def _segments(phoneme: Phoneme) -> Iterator[PhonemeSegment]:
    symbol = ALIASES.get(phoneme.symbol, phoneme.symbol)
    glide = GLIDES.get(symbol)
    if glide is None:
        yield PhonemeSegment(symbol, phoneme.start_s, phoneme.end_s)
        return
    turn_s = phoneme.start_s + GLIDE_TURN * (phoneme.end_s - phoneme.start_s)
    yield PhonemeSegment(glide[0], phoneme.start_s, turn_s)
    yield PhonemeSegment(glide[1], turn_s, phoneme.end_s)
