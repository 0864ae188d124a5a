"""Makes the weights of `preview/hearing.py` anew, and prints how voices fare that were not trained on."""

from __future__ import annotations

import argparse
import logging
import time
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from deployments.lipsync.preview import hearing
from deployments.lipsync.viseme_training import data
from deployments.lipsync.viseme_training.evaluation import evaluate
from deployments.lipsync.viseme_training.held_out import clips_of, held_out
from deployments.lipsync.viseme_training.network import weights_of
from deployments.lipsync.viseme_training.train import trained

SEED = 5
COPIES = 2
"""How often each group of sentences is recorded, differently."""
STEPS = 2500

WEIGHTS = Path(hearing.__file__).with_suffix(".npz")


def main() -> None:
    """Train, unless told not to, and evaluate."""
    parser = argparse.ArgumentParser(prog="scripts/train-visemes", description=__doc__)
    parser.add_argument("--piper", type=Path, required=True, help="en_US-joe-medium.onnx, which is only evaluated")
    parser.add_argument("--evaluate-only", action="store_true", help="print the figures of the weights as they are")
    parser.add_argument("--clips", type=Path, help="also write a few held-out clips with their phonemes to this folder")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if not given.evaluate_only:
        train()
    voices = held_out(given.piper)
    for name, speeches in voices.items():
        logging.info("%-22s %s", name, evaluate(speeches))
    logging.info("%-22s %s", "all of them", evaluate(chain.from_iterable(voices.values())))
    if given.clips:
        clips_of(voices, given.clips)


def train() -> None:
    """Train from the seed and write the weights in place of the old ones."""
    rng = np.random.default_rng(SEED)
    began_s = time.monotonic()
    groups = list(data.speeches(rng))
    seconds = sum(speech.waveform.duration_s for group in groups for speech in group)
    logging.info("%.0f minutes of speech", seconds / 60)
    mean = data.mean_spectrum(groups)
    shown = [example for _ in range(COPIES) for example in data.examples(groups, mean, rng)]
    logging.info("%d examples; training with %d threads", len(shown), torch.get_num_threads())
    network = trained(shown, STEPS, SEED)
    np.savez(WEIGHTS, allow_pickle=False, **weights_of(network, mean))
    logging.info("%s: %d bytes, %.0f s", WEIGHTS.name, WEIGHTS.stat().st_size, time.monotonic() - began_s)


if __name__ == "__main__":
    main()
