"""The network in torch, for training only; `preview/hearing.py` runs what `weights_of` exports."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from deployments.lipsync.preview.hearing import DILATIONS, LOOK_AHEAD, LOOK_BACK
from deployments.lipsync.preview.sound import BANDS
from deployments.lipsync.preview.visemes import VISEMES

CHANNELS = 144
DROPOUT = 0.1
AROUND = LOOK_BACK + LOOK_AHEAD


class Layer(nn.Module):
    """A convolution of three frames, without padding, and its norm."""

    def __init__(self, narrow: int, wide: int, dilation: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(narrow, wide, 3, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(wide)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return (batch, wide, n - 2 * dilation) of (batch, narrow, n)."""
        return torch.relu(self.norm(self.convolution(hidden)))


class VisemeNet(nn.Module):
    """Dilated convolutions with residuals: n + AROUND frames in, n out."""

    def __init__(self) -> None:
        super().__init__()
        widths = pairwise([2 * BANDS] + [CHANNELS] * len(DILATIONS))
        self.layers = nn.ModuleList(Layer(*ends, dilation) for ends, dilation in zip(widths, DILATIONS, strict=True))
        self.dropout = nn.Dropout1d(DROPOUT)
        self.head = nn.Conv1d(CHANNELS, len(VISEMES) + 1, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, visemes + 1, n) of features (batch, 2 * BANDS, n + AROUND)."""
        hidden = self.layers[0](features)
        for layer, dilation in zip(self.layers[1:], DILATIONS[1:], strict=True):
            hidden = self.dropout(layer(hidden)) + hidden[:, :, dilation:-dilation]
        logits: torch.Tensor = self.head(hidden)
        return logits


def weights_of(network: VisemeNet, mean: NDArray[np.float32]) -> dict[str, NDArray[np.float16]]:
    """Return the weights by the names that `Hearing.of` knows, norms folded into the kernels, in half precision."""
    head = network.head.state_dict()
    weights = {"mean": torch.from_numpy(mean), "head": head["weight"][:, :, 0], "head_bias": head["bias"]}
    for number, layer in enumerate(cast("Iterable[Layer]", network.layers)):
        fused = fuse_conv_bn_eval(layer.convolution, layer.norm).state_dict()
        weights |= {f"kernel{number}": fused["weight"], f"bias{number}": fused["bias"]}
    return {name: weight.numpy().astype(np.float16) for name, weight in weights.items()}
