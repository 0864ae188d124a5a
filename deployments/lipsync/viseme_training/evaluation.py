"""How well the mouth is driven by sound alone, measured against the same engine driven by phoneme times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.articulation import Span, heard, merged, told
from deployments.lipsync.preview.channels import GAP, GRID_HZ
from deployments.lipsync.preview.drive import drive_from
from deployments.lipsync.preview.sound import mel_powers
from deployments.media import Speech

FPS = 50
WITHIN_S = 0.040
"""How far the middle of a closure that was heard may lie from the P, B or M."""

REST_GAP = 0.01
"""A mouth open by less, in W, is at rest."""


@dataclass(frozen=True)
class Scores:
    """`precision` and `recall` of P, B and M; correlation of the gap; and the share of silent frames at rest."""

    precision: float
    recall: float
    jaw: float
    rest: float
    closures: int
    silent_frames: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)

    def __str__(self) -> str:
        """Return the figures in one line."""
        return (
            f"closures F1 {self.f1:.3f} (precision {self.precision:.3f}, recall {self.recall:.3f}, {self.closures}), "
            f"jaw r {self.jaw:.3f}, rest {self.rest:.3f} ({self.silent_frames} frames)"
        )


def evaluate(speeches: Iterable[Speech]) -> Scores:
    """Return the scores of speeches with phoneme times, all taken together."""
    found = heard_count = true_count = 0
    gaps, silent = [], []
    for speech in speeches:
        alone = replace(speech, phonemes=())
        samples = math.ceil(speech.waveform.duration_s * GRID_HZ)
        true = list(merged(told(speech.phonemes, speech.waveform.duration_s, samples).closures))
        closures = heard(mel_powers(alone.waveform), samples).closures
        found += matches(true, closures)
        heard_count += len(closures)
        true_count += len(true)
        reference = drive_from("preview", speech, FPS).features
        gaps.append(np.stack([reference[GAP], drive_from("preview", alone, FPS).features[GAP]]))
        silent.append(~reference.any(axis=0))
    jaw, gap = np.concatenate(gaps, axis=1)
    at_rest = gap[np.concatenate(silent)] <= REST_GAP
    return Scores(
        found / max(heard_count, 1), found / max(true_count, 1), float(np.corrcoef(jaw, gap)[0, 1]),
        float(at_rest.mean()), true_count, len(at_rest),
    )  # fmt: skip


def matches(true: Sequence[Span], heard: Sequence[Span]) -> int:
    """Return how many closures were found: each true one with one that was heard, in order, the nearest first."""
    distance_s = _distances_s(true, heard)
    count = 0
    while distance_s.size and distance_s.min() <= WITHIN_S:
        row, column = np.unravel_index(distance_s.argmin(), distance_s.shape)
        distance_s[row, :] = distance_s[:, column] = np.inf
        count += 1
    return count


def _distances_s(true: Sequence[Span], heard: Sequence[Span]) -> NDArray[np.float64]:
    """Return how far each heard middle is from each true span, (true, heard)."""
    spans = np.array(true).reshape(-1, 2)
    middles = np.array(heard).reshape(-1, 2).mean(axis=1)
    distances_s: NDArray[np.float64] = np.maximum(spans[:, :1] - middles, middles - spans[:, 1:]).clip(0.0)
    return distances_s
