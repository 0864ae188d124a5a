"""3x3 convolutions with fewer multiplications: Winograd's minimal filtering, one batched matrix product a layer.

To make `made` pixels of a row with a kernel of `taps` takes made * taps multiplications, or made + taps - 1: those
of the values that two polynomials have at so many points. The picture is cut into tiles that overlap, and a tile is
transformed into its values at the points, down and across; each point has a matrix of its own from channel to
channel; and the products are transformed back. That is exact in real numbers, and rounds a little more in float32.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), with their names for the matrices of one
dimension: `tile` is B^T, `kernel` is G and `back` is A^T.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from numpy.polynomial.polynomial import polyfromroots
from torch import Tensor, nn
from torch.nn.functional import pad

POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)
"""Where the polynomials are evaluated, besides infinity. Small numbers and small inverses round least."""

AT_ONCE = 4_000_000
"""Numbers in the tiles that are transformed together: bounds the memory to 16 MB for them, as much for the products."""


@dataclass(frozen=True)
class Scheme:
    """One dimension of a convolution, as back @ ((kernel @ taps) * (tile @ pixels)).

    `tile` is (points, pixels), `kernel` (points, 3) and `back` (pixels made, points), in float64. A tile begins `step`
    pixels after the one before, and the first begins `margin` pixels outside the picture.
    """

    tile: Tensor
    kernel: Tensor
    back: Tensor
    step: int
    margin: int


def same(step: int) -> Scheme:
    """A convolution with padding 1: step + 2 multiplications for `step` pixels, not 3 * step."""
    return Scheme(*_minimal(step, taps=3), step, margin=1)


def doubled(step: int) -> Scheme:
    """A transposed convolution with stride 2, padding 1 and output padding 1.

    Each pixel becomes two: the even one is the pixel times the middle tap, the odd one is the pixel times the last tap
    and its right neighbour times the first. That takes 2 * step + 1 multiplications for `step` pixels, not 3 * step.
    """
    tile, kernel, back = _minimal(step, taps=2)
    first, middle, last = torch.eye(3, dtype=torch.float64)
    odd = kernel @ torch.stack([last, first])
    pixels = torch.eye(step, step + 1)
    even_and_odd = [torch.eye(step, 2 * step + 1), torch.cat([torch.zeros(step, step), back], 1)]
    return Scheme(
        torch.cat([pixels, tile]),
        torch.cat([middle.expand(step, 3), odd]),
        torch.stack(even_and_odd, 1).flatten(0, 1),
        step,
        margin=0,
    )


def tripled() -> Scheme:
    """A transposed convolution of a single pixel without padding: the pixel becomes the kernel, multiplied by it."""
    each = torch.eye(3, dtype=torch.float64)
    return Scheme(torch.ones(3, 1, dtype=torch.float64), each, each, step=1, margin=0)


def _minimal(made: int, taps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the matrices of F(made, taps), the convolution of Toom and Cook turned round."""
    points = torch.tensor(POINTS[: made + taps - 2], dtype=torch.float64)
    others = [[q for q in points.tolist() if q != p] for p in points.tolist()]
    scale = torch.stack([torch.prod(p - torch.tensor(rest)) for p, rest in zip(points, others, strict=True)])

    def values(count: int) -> Tensor:
        """1, x, x^2 ... at the points; at infinity only the highest counts."""
        return torch.cat([points[:, None] ** torch.arange(count), torch.eye(count)[-1:]])

    tile = [[*polyfromroots(rest), 0.0] for rest in others] + [[*polyfromroots(points.tolist())]]
    kernel = values(taps) / torch.cat([scale, torch.ones(1)])[:, None]
    return torch.tensor(tile, dtype=torch.float64), kernel, values(made).T


class Winograd(nn.Module):
    """The layer `conv`, computed by a scheme in float32: (n, in, h, w) to (n, out, h', w'), channels last.

    Its weight is (points down and across, in, out).
    """

    tile: Tensor
    back: Tensor

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, scheme: Scheme) -> None:
        super().__init__()
        taps = conv.weight if isinstance(conv, nn.ConvTranspose2d) else conv.weight.transpose(0, 1)  # (in, out, 3, 3)
        weight = torch.einsum("ph,qw,iohw->pqio", scheme.kernel, scheme.kernel, taps.detach().double()).flatten(0, 1)
        bias = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias.detach()
        self.weight, self.bias = nn.Parameter(weight.float()), nn.Parameter(bias.float())
        self.register_buffer("tile", scheme.tile.float())
        self.register_buffer("back", scheme.back.float())
        self.step, self.margin = scheme.step, scheme.margin
        self.made, self.seen = len(scheme.back), scheme.tile.shape[1]

    def tiles(self, height: int, width: int) -> tuple[int, int]:
        """How many tiles cover a picture, down and across."""
        return -(-height // self.step), -(-width // self.step)

    def forward(self, x: Tensor) -> Tensor:
        """Transform, multiply, transform back; some frames at a time."""
        n, channels, height, width = x.shape
        down, across = self.tiles(height, width)
        y = x.new_empty(n, down, self.made, across, self.made, len(self.bias))
        frames = max(1, AT_ONCE // (self.seen**2 * down * across * channels))
        for some, made in zip(torch.split(x.permute(0, 2, 3, 1), frames), torch.split(y, frames), strict=True):
            torch.add(self._made(self._tiled(some)), self.bias, out=made.permute(2, 4, 0, 1, 3, 5))
        scale = self.made // self.step
        y = y.flatten(3, 4).flatten(1, 2)[:, : height * scale, : width * scale]
        return y.permute(0, 3, 1, 2)

    def _tiled(self, x: Tensor) -> Tensor:
        """(n, h, w, in) to its tiles, a view (seen, seen, n, down, across, in)."""
        down, across = self.tiles(x.shape[1], x.shape[2])
        below, right = (
            self.seen + (tiles - 1) * self.step - self.margin - pixels
            for tiles, pixels in ((down, x.shape[1]), (across, x.shape[2]))
        )
        x = pad(x, (0, 0, self.margin, right, self.margin, below))
        return x.unfold(1, self.seen, self.step).unfold(2, self.seen, self.step).permute(4, 5, 0, 1, 2, 3)

    def _made(self, tiles: Tensor) -> Tensor:
        """Tiles to what they become, (made, made, n, down, across, out)."""
        points = _both_ways(self.tile, tiles.reshape(self.seen, self.seen, -1))
        products = torch.bmm(points.view(len(self.weight), -1, tiles.shape[-1]), self.weight)
        made = _both_ways(self.back, products.view(*points.shape[:2], -1))
        return made.view(self.made, self.made, *tiles.shape[2:5], -1)


def _both_ways(matrix: Tensor, x: Tensor) -> Tensor:
    """(b, a) on the first and on the second dimension of (a, a, n), to (b, b, n)."""
    after, before = matrix.shape
    down = (matrix @ x.flatten(1)).view(after, before, -1)
    return torch.bmm(matrix.expand(after, after, before), down)
