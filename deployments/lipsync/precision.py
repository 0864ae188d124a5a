"""The number format that a device computes in: the fastest that it has in hardware."""

from __future__ import annotations

import logging
import time
from typing import Literal

import torch

logger = logging.getLogger("ray.serve")

Precision = Literal["auto", "float32", "bfloat16", "float16"]

BF16_FLAGS = ("avx512_bf16", "amx_bf16")
"""What an x86 CPU with bfloat16 arithmetic calls it. Others convert every number: a third of float32's rate."""

WORTHWHILE = 1.2
"""How much faster than float32 bfloat16 must be measured to be chosen; less is not worth its rounding."""


def choose_dtype(asked: Precision, device: torch.device) -> torch.dtype:
    """Return the format asked for; for `auto`, float16 on CUDA, bfloat16 on a CPU that has it and is faster for it."""
    if asked != "auto":
        dtype: torch.dtype = getattr(torch, asked)
        why = "as configured"
    elif device.type == "cuda":
        dtype, why = torch.float16, "CUDA"
    elif not has_bfloat16():
        dtype, why = torch.float32, "this CPU has no bfloat16 instructions"
    else:
        rates = [matrix_rate(probed, device) for probed in (torch.float32, torch.bfloat16)]
        dtype = torch.bfloat16 if rates[1] > WORTHWHILE * rates[0] else torch.float32
        why = f"matrix products: float32 {rates[0]:.0f}, bfloat16 {rates[1]:.0f} GFLOP/s"
    logger.info("Wav2Lip computes in %s on %s (%s)", dtype, device, why)
    return dtype


def has_bfloat16() -> bool:
    """Whether the CPU says that it computes in bfloat16."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(flag, False) for flag in BF16_FLAGS)


def matrix_rate(dtype: torch.dtype, device: torch.device, side: int = 1024, times: int = 5) -> float:
    """Return the GFLOP/s of a square matrix product, the best of `times`."""
    left, right = (torch.ones(side, side, dtype=dtype, device=device) for _ in range(2))
    product, seconds = torch.mm(left, right), []
    for _ in range(times):
        start = time.perf_counter()
        torch.mm(left, right, out=product)
        product[0, 0].item()  # waits for a device that runs behind
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds) / 1e9
