import pytest
import torch
from torch import nn

from deployments.lipsync import winograd
from deployments.lipsync.winograd import Winograd, doubled, same, tripled

ROUNDING = 3e-5
"""A little more than the largest seen: six times that of an ordinary convolution."""


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(5)
    with torch.inference_mode():
        yield


def picture(height, width, frames=2):
    return torch.randn(frames, 48, height, width)


def growing():
    return nn.ConvTranspose2d(48, 32, 3, 2, 1, output_padding=1)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(4, 12), (7, 5), (1, 1)])
def test_a_convolution_is_itself(step, size):
    conv, x = nn.Conv2d(48, 32, 3, 1, 1), picture(*size)
    assert torch.allclose(Winograd(conv, same(step))(x), conv(x), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(4, 12), (7, 5), (1, 1)])
def test_a_transposed_convolution_is_itself(step, size):
    conv, x = growing(), picture(*size)
    assert torch.allclose(Winograd(conv, doubled(step))(x), conv(x), rtol=0, atol=ROUNDING)


def test_a_pixel_that_becomes_the_kernel_is_itself():
    conv, x = nn.ConvTranspose2d(48, 32, 3), picture(1, 1)
    assert torch.allclose(Winograd(conv, tripled())(x), conv(x), rtol=0, atol=ROUNDING)


def test_a_layer_without_bias_and_one_in_float64_are_themselves():
    conv, x = nn.Conv2d(48, 32, 3, 1, 1, bias=False), picture(6, 6)
    assert torch.allclose(Winograd(conv.double(), same(4))(x), conv.float()(x), rtol=0, atol=ROUNDING)


def test_memory_layout_of_the_picture_does_not_matter():
    conv, x = Winograd(growing(), doubled(2)), picture(8, 8)
    cut = x.contiguous(memory_format=torch.channels_last)[:, :, 2:]
    assert torch.equal(conv(cut), conv(x[:, :, 2:].contiguous()))


def test_frames_beyond_those_transformed_at_once_are_the_same(monkeypatch):
    conv, x = Winograd(nn.Conv2d(48, 32, 3, 1, 1), same(4)), picture(8, 8, frames=5)
    together = conv(x)
    monkeypatch.setattr(winograd, "AT_ONCE", 2 * 36 * 4 * 48)  # two frames of 4 tiles
    assert torch.allclose(conv(x), together, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(("scheme", "multiplications", "pixels"), [(same(3), 25, 9), (same(4), 36, 16)])
def test_a_tile_takes_the_minimal_number_of_multiplications(scheme, multiplications, pixels):
    conv = Winograd(nn.Conv2d(48, 32, 3, 1, 1), scheme)
    assert conv.weight.shape == (multiplications, 48, 32)
    assert conv.made**2 == pixels


def test_tiles_cover_a_picture_that_they_do_not_divide():
    assert Winograd(nn.Conv2d(48, 32, 3, 1, 1), same(4)).tiles(10, 12) == (3, 3)
