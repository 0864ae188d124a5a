"""Training: random cuts of the examples, Adam, a rate that warms up and falls along a cosine."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from deployments.lipsync.preview.hearing import LOOK_BACK
from deployments.lipsync.preview.visemes import VISEMES, mouth_shapes
from deployments.lipsync.viseme_training.augment import warped
from deployments.lipsync.viseme_training.data import Example
from deployments.lipsync.viseme_training.network import AROUND, VisemeNet

BATCH, CUT = 32, 100
"""Cuts in a step, and frames in a cut."""

WARP = 0.1
"""By how much formants are moved, each time that a stretch is shown: pitch stays."""

PEAK_RATE = 3e-3
WEIGHT_DECAY = 1e-2
LIPS_WEIGHT, JAW_WEIGHT = 4.0, 30.0
"""How much closed lips, and a squared error of the gap in units of W, count beside the visemes."""


def trained(examples: Sequence[Example], steps: int, seed: int) -> VisemeNet:
    """Return the network after `steps` steps on random cuts of the examples."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = VisemeNet()
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, steps, pct_start=0.1)
    mean_loss = 0.0
    for step in range(steps):
        features, weights, shut = batch(examples, rng)
        loss = loss_of(network(features), weights, shut)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        mean_loss += (float(loss.detach()) - mean_loss) * max(0.01, 1 / (step + 1))
        if step % 200 == 199:
            logging.info("step %d of %d: loss %.3f", step + 1, steps, mean_loss)
    return network.eval()


def loss_of(logits: torch.Tensor, weights: torch.Tensor, shut: torch.Tensor) -> torch.Tensor:
    """Return the cross entropy of the visemes and of closed lips, and the squared error of the gap."""
    visemes = functional.cross_entropy(logits[:, :-1], weights)
    lips = functional.binary_cross_entropy_with_logits(logits[:, -1], shut)
    gaps = torch.from_numpy(mouth_shapes(np.eye(len(VISEMES)))[0]).float()
    jaw = torch.einsum("v,bvn->bn", gaps, logits[:, :-1].softmax(1) - weights).square().mean()
    return visemes + LIPS_WEIGHT * lips + JAW_WEIGHT * jaw


def batch(examples: Sequence[Example], rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return features (BATCH, bands, CUT + AROUND), weights (BATCH, visemes, CUT) and shut (BATCH, CUT)."""
    cuts = [cut(examples[int(rng.integers(len(examples)))], rng) for _ in range(BATCH)]
    return (
        torch.from_numpy(np.stack([part.features for part in cuts])),
        torch.from_numpy(np.stack([part.weights for part in cuts])),
        torch.from_numpy(np.stack([part.shut for part in cuts])),
    )


def cut(example: Example, rng: np.random.Generator) -> Example:
    """Return a random stretch of an example, with its surroundings in the features, of a throat of another length."""
    first = int(rng.integers(max(1, example.features.shape[1] - CUT - AROUND + 1)))
    inside = slice(first + LOOK_BACK, first + LOOK_BACK + CUT)
    features = warped(example.features[:, first : first + CUT + AROUND], rng.uniform(1 - WARP, 1 + WARP))
    return Example(features, example.weights[:, inside], example.shut[inside])
