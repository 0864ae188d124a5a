"""Sound to visemes without phonemes: a small network, in numpy, whose weights `viseme_training` made.

Pairs of mel columns are its frames, FRAME_HZ a second. Dilated convolutions see, around each frame, LOOK_BACK frames
before it and LOOK_AHEAD after it: 200 ms each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.sound import ACTIVE, MEL_HZ, SILENCE_DB, active

Array = NDArray[np.float32]

FRAME_HZ = MEL_HZ // 2
FRAME_BEGIN_S = 0.5 / MEL_HZ
"""The middle of the first frame."""

DILATIONS = (1, 1, 1, 2, 2, 2, 1)
"""Of the layers, each of which sees three frames."""

LOOK_AHEAD = 10
LOOK_BACK = 2 * sum(DILATIONS) - LOOK_AHEAD

FLOOR = 1e-6
"""Power, relative to loud speech, below which there is nothing to hear."""

LOUD_PERCENTILE = 90

PRIOR_COLUMNS = 200
"""A sound's own mean spectrum counts as much as the training sounds' when this many of its columns are active."""

BLOCK = 1024
"""Frames taken through the layers at a time."""


@dataclass(frozen=True, eq=False)
class Hearing:
    """The network: `mean` (BANDS,); a kernel (out, in, 3) and bias for each layer; the head (out, in) and its bias.

    The head's rows are the visemes' logits, in openfacefx's order, and that of closed lips (P, B, M).
    """

    mean: Array
    kernels: tuple[Array, ...]
    biases: tuple[Array, ...]
    head: Array
    head_bias: Array

    @classmethod
    def trained(cls) -> Hearing:
        """Return the network with the weights that lie beside this module."""
        with files(__package__).joinpath("hearing.npz").open("rb") as file, np.load(file) as arrays:
            return cls.of(arrays)

    @classmethod
    def of(cls, weights: Mapping[str, NDArray[np.float16]]) -> Hearing:
        """Return the network with weights by name, as `viseme_training` writes them."""
        layers = range(len(DILATIONS))
        return cls(
            weights["mean"].astype(np.float32),
            tuple(weights[f"kernel{layer}"].astype(np.float32) for layer in layers),
            tuple(weights[f"bias{layer}"].astype(np.float32) for layer in layers),
            weights["head"].astype(np.float32),
            weights["head_bias"].astype(np.float32),
        )

    def __call__(self, powers: Array) -> tuple[Array, Array]:
        """Return viseme weights (visemes, frames), which add up to 1, and the probability of closed lips (frames,)."""
        level = Level.of(powers, self.mean)
        frames = -(-powers.shape[1] // 2)
        firsts = [*range(0, frames, BLOCK), frames]
        logits = np.concatenate([self._block(powers, level, *ends) for ends in pairwise(firsts)], axis=1)
        weights = np.exp(logits[:-1] - logits[:-1].max(axis=0))
        return weights / weights.sum(axis=0), 1 / (1 + np.exp(-logits[-1]))

    def _block(self, powers: Array, level: Level, first: int, stop: int) -> Array:
        """Return the head's rows for frames [first, stop); beyond the ends the sound stays as it is there."""
        columns = np.arange(2 * (first - LOOK_BACK), 2 * (stop + LOOK_AHEAD)).clip(0, powers.shape[1] - 1)
        return self.logits(paired(level.normalised(powers[:, columns])))

    def logits(self, features: Array) -> Array:
        """Return the head's rows for those of the frames (2 * BANDS, n) that have all their surroundings."""
        hidden = features
        for layer, (kernel, bias, dilation) in enumerate(zip(self.kernels, self.biases, DILATIONS, strict=True)):
            width = hidden.shape[1] - 2 * dilation
            taps = (kernel[:, :, tap] @ hidden[:, tap * dilation : tap * dilation + width] for tap in range(3))
            out = np.maximum(sum(taps) + bias[:, None], 0.0)
            hidden = out + hidden[:, dilation:-dilation] if layer else out
        logits: Array = self.head @ hidden + self.head_bias[:, None]
        return logits


@dataclass(frozen=True, eq=False)
class Level:
    """What a sound is measured by: the power of its `loud` parts and, where a voice speaks, its mean `spectrum`."""

    loud: np.float32
    spectrum: Array

    @classmethod
    def of(cls, powers: Array, mean: Array) -> Level:
        """Return the level of a sound; the less speech is in it, the more `mean` is taken for its spectrum."""
        loud = _loud(powers.sum(axis=0))
        own, columns = own_spectrum(powers, loud)
        share = columns / (columns + PRIOR_COLUMNS)
        return cls(loud, (share * own + (1 - share) * mean).astype(np.float32))

    def normalised(self, powers: Array) -> Array:
        """Return the log powers of any columns of the sound, relative to its level."""
        return _log(powers, self.loud) - self.spectrum[:, None]


def own_spectrum(powers: Array, loud: np.float32) -> tuple[NDArray[np.float64], int]:
    """Return the mean of log powers where a voice speaks, (BANDS,), 0 where none does; and how many columns that is."""
    total, columns = np.zeros(len(powers)), 0
    for first in range(0, powers.shape[1], BLOCK):
        block = powers[:, first : first + BLOCK]
        active = block[:, block.sum(axis=0) > ACTIVE * loud]
        total += _log(active, loud).sum(axis=1)
        columns += active.shape[1]
    return total / max(columns, 1), columns


def paired(features: Array) -> Array:
    """Return each two columns as one frame: (2 * BANDS, frames), the later column below."""
    even = np.pad(features, ((0, 0), (0, features.shape[1] % 2)), mode="edge")
    return np.concatenate([even[:, ::2], even[:, 1::2]])


def _log(powers: Array, loud: np.float32) -> Array:
    logs: Array = np.log10(powers / loud + np.float32(FLOOR))
    return logs


def _loud(total: Array) -> np.float32:
    """Return the power of the loud parts of what can be heard, however much silence is around it."""
    heard = total[active(total)]
    loud = float(np.percentile(heard, LOUD_PERCENTILE)) if len(heard) else 0.0
    return np.float32(max(loud, 10 ** (SILENCE_DB / 10)))
