"""`scripts/bench generator`: Wav2Lip's faces a second, by the published recipe and by the service's engine.

The two take turns, in rounds, because a machine is not equally fast all the time; each figure is the median of its
rounds. The limit is what the arithmetic allows that a frame takes once nothing is computed twice or thrown away: this
machine's matrix product rate, in the format that the engine computes in, over those multiplications and additions.
Winograd's filtering saves some of them: `multiplied_share` is the same with those only that are left.
"""

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deployments.lipsync.checkpoint import load_checkpoint
from deployments.lipsync.generator import Generator
from deployments.lipsync.precision import matrix_rate
from deployments.lipsync.wav2lip import FACE_PX, MEL_BANDS, MEL_COLUMNS, Wav2Lip
from deployments.lipsync.wav2lip_engine import Options, Wav2LipEngine
from deployments.lipsync.winograd import Winograd
from deployments.media import FaceBox, FaceCrop, MouthDrive

TESTS = Path(__file__).parents[1] / "tests"
sys.path += [str(TESTS / "benchmarks"), str(TESTS / "golden")]

from published_recipe import BATCH, published_faces  # noqa: E402 - found on the path above
from seeded_checkpoint import seeded_weights, write_checkpoint  # noqa: E402 - the same

CPU = torch.device("cpu")
CHUNK = 16  # frames in one call, as in the service
SIDE = 2048  # of the matrices whose product is timed


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--frames", type=int, default=BATCH, help="frames in a measurement (default: 128)")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto", help="of the engine")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="PyTorch's (default: one a core)")


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Measure it with a checkpoint of seeded weights: speed does not depend on them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seeded.pth"
        write_checkpoint(path, seeded_weights())
        network = Wav2Lip().eval()
        network.load_state_dict(load_checkpoint(path).weights)
        engine = Wav2LipEngine(path, Options(device="cpu", threads=given.threads, precision=given.precision))
    dtype = getattr(torch, engine.version.rpartition("-")[2])
    face, drive = _input(given.frames)
    windows = np.stack([drive.features[:, start : start + drive.width] for start in drive.starts])
    measured = {
        "fps_published": lambda: given.frames / _seconds(lambda: published_faces(network, windows, face.rgb)),
        "fps_ours": lambda: given.frames / _seconds(lambda: _ours(engine, face, drive)),
        "gflops_fp32": lambda: matrix_rate(torch.float32, CPU, SIDE, times=3),
        "gflops_bf16": lambda: matrix_rate(torch.bfloat16, CPU, SIDE, times=3),
    }
    rounds = [{name: one() for name, one in measured.items()} for _ in range(given.rounds)]
    result = {name: statistics.median(figures[name] for figures in rounds) for name in measured}
    gflop, left = (2 * multiplications(Generator(seeded_weights(), of)) / 1e9 for of in (torch.bfloat16, dtype))
    rate = "gflops_bf16" if dtype is torch.bfloat16 else "gflops_fp32"
    result |= {
        "ratio": statistics.median(figures["fps_ours"] / figures["fps_published"] for figures in rounds),
        "share_of_limit": statistics.median(figures["fps_ours"] * gflop / figures[rate] for figures in rounds),
        "multiplied_share": statistics.median(figures["fps_ours"] * left / figures[rate] for figures in rounds),
        "gflop_per_frame": gflop,
        "gflop_multiplied": left,
    }
    return {name: round(value, 3) for name, value in result.items()} | {
        "dtype": str(dtype).removeprefix("torch."),
        "threads": given.threads,
        "cpu": torch.cpu.get_capabilities()["cpu_name"],
    }


def multiplications(generator: Generator) -> int:
    """Return the multiplications of one frame, sound to face: each with its addition is 2 floating point operations.

    A convolution takes in * out * kernel area for each pixel that it makes, a transposed one for each that it reads,
    one by `Winograd` in * out * points for each tile; its transforms are not counted.
    """
    counts: list[int] = []

    def count(layer: Any, before: tuple[Tensor], after: Tensor) -> None:
        if isinstance(layer, Winograd):
            places = math.prod(layer.tiles(*before[0].shape[2:]))
        else:
            places = (before[0] if isinstance(layer, nn.ConvTranspose2d) else after)[0, 0].numel()
        counts.append(layer.weight.numel() * places)

    with torch.inference_mode():
        still = generator.encode_face(torch.zeros(1, 3, FACE_PX, FACE_PX))
        for layer in generator.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | Winograd):
                layer.register_forward_hook(count)
        generator(torch.zeros(1, 1, MEL_BANDS, MEL_COLUMNS), [(slice(None), still)])
    return sum(counts)


def _input(frames: int) -> tuple[FaceCrop, MouthDrive]:
    """A face and a sound of noise, no two windows of which are alike."""
    rng = np.random.default_rng(5)
    box = FaceBox(0, 0, 240, 280)
    rgb = rng.integers(0, 256, (box.height, box.width, 3), np.uint8)
    crop = FaceCrop(rgb, box, box, None, "noise")
    starts = np.arange(frames, dtype=np.int32)
    mel = rng.uniform(-4, 4, (MEL_BANDS, frames + MEL_COLUMNS)).astype(np.float32)
    return crop, MouthDrive("wav2lip", 25.0, mel, starts, MEL_COLUMNS)


def _ours(engine: Wav2LipEngine, crop: FaceCrop, drive: MouthDrive) -> None:
    for first in range(0, drive.frames, CHUNK):
        engine.animate(crop, drive.chunk(first, first + CHUNK))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(result: dict[str, Any]) -> str:
    """Say the result in words."""
    return (
        f"{result['cpu']}, {result['threads']} threads, {result['dtype']}\n"
        f"  published recipe {result['fps_published']:7.1f} frames/s\n"
        f"  ours             {result['fps_ours']:7.1f} frames/s, {result['ratio']:.2f} times as many\n"
        f"  matrix products  {result['gflops_fp32']:7.0f} GFLOP/s in float32, {result['gflops_bf16']:.0f} in bfloat16\n"
        f"  share of limit   {result['share_of_limit']:7.2f} ({result['gflop_per_frame']:.2f} GFLOP a frame)\n"
        f"  multiplied       {result['multiplied_share']:7.2f} ({result['gflop_multiplied']:.2f} GFLOP a frame)"
    )
