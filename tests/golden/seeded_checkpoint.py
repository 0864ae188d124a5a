"""Wav2Lip checkpoints of seeded weights, for which tests/golden/wav2lip.npz holds what the published network makes.

The published weights cannot be shipped. numpy's RandomState is frozen, so every numpy gives the same weights.
"""

import json
from pathlib import Path

import numpy as np
import torch

SPEC = Path(__file__).with_name("state_dict_spec.json")
SEED = 20200823  # the one that wav2lip.npz was made with


def seeded_weights(seed=SEED):
    """Name -> tensor, drawn in the order of the sorted names."""
    rng = np.random.RandomState(seed)
    return {
        name: torch.from_numpy(_draw(rng, name, shape)) for name, shape in sorted(json.loads(SPEC.read_text()).items())
    }


def write_checkpoint(path, weights):
    """The published layout: names that start with `module.`, and optimizer bookkeeping beside them."""
    state = {f"module.{name}": value for name, value in weights.items()}
    torch.save({"state_dict": state, "optimizer": None, "global_step": 1, "global_epoch": 1}, path)


def _draw(rng, name, shape):
    if name.endswith("num_batches_tracked"):
        return np.array(1, dtype=np.int64)
    z = rng.standard_normal(shape)
    if name.endswith("running_var"):
        value = 0.75 + 0.5 * np.abs(z)
    elif len(shape) == 4:  # kernels: activations neither vanish nor drown the sound
        value = z * np.sqrt(_gain(name) / np.prod(shape[1:]))
    elif name.endswith("weight"):  # batch-norm scale
        value = 1.0 + 0.1 * z
    else:  # biases and running means
        value = 0.1 * z
    return np.asarray(value, dtype=np.float32)


def _gain(name):
    """Variance gain of a convolution: larger on the audio side, so that the mouth depends on the sound."""
    if name.startswith("audio_encoder."):
        return 2.0
    early = ("face_decoder_blocks.0.", "face_decoder_blocks.1.", "face_decoder_blocks.2.")
    return 1.6 if name.startswith(early) else 1.2
