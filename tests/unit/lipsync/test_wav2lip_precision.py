import logging

import pytest
import torch

from deployments.lipsync import precision
from deployments.lipsync.precision import choose_dtype, has_bfloat16, matrix_rate

CPU = torch.device("cpu")


@pytest.mark.parametrize("asked", ["float32", "bfloat16", "float16"])
def test_what_is_asked_for_is_taken(asked):
    assert choose_dtype(asked, CPU) is getattr(torch, asked)


def test_auto_takes_float16_on_cuda():
    assert choose_dtype("auto", torch.device("cuda")) is torch.float16


def test_auto_takes_bfloat16_only_where_the_cpu_has_it(caplog):
    with caplog.at_level(logging.INFO, "ray.serve"):
        chosen = choose_dtype("auto", CPU)
    if not has_bfloat16():
        assert chosen is torch.float32
        assert "no bfloat16 instructions" in caplog.text
    assert str(chosen) in caplog.text


@pytest.mark.parametrize(("faster", "chosen"), [(2.5, torch.bfloat16), (1.1, torch.float32), (0.3, torch.float32)])
def test_a_cpu_that_says_it_has_bfloat16_must_be_faster_for_it(monkeypatch, faster, chosen):
    """No machine at hand says so: what torch and the clock would tell is put in."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(precision, "matrix_rate", lambda dtype, _: 100.0 * (faster if dtype is torch.bfloat16 else 1))
    assert choose_dtype("auto", CPU) is chosen


def test_matrix_rate_is_what_a_product_takes():
    assert 1 < matrix_rate(torch.float32, CPU, side=256) < 100_000
