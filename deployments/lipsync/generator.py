"""The Wav2Lip network in the form that runs: the same faces for a third of the arithmetic.

Four rewrites of `Wav2Lip` that change nothing but the rounding. Batch norm is folded into the convolution before it.
A convolution over what moves and what stands still, side by side, is the sum of one over each: what stands still, and
with it all of the face encoder, is computed once for a face. Only those rows are decoded that will be pasted. And in
float32 the deep layers are computed with fewer multiplications, as `winograd` tells.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from deployments.lipsync.wav2lip import FACE_PX, ConvBlock, Wav2Lip
from deployments.lipsync.winograd import Winograd, doubled, same, tripled

Rows = Literal["all", "lower"]
Still = tuple[Tensor, ...]
"""What a still face adds to each of the decoder's seven steps before the ReLU, (1, channels, h, w) each."""

Run = tuple[slice, Still]
"""Frames of a batch that come one after the other, and the still face that they share (or one each)."""

CUTS: dict[Rows, tuple[int, ...]] = {"all": (0, 0, 0, 0, 0, 0, 0), "lower": (0, 0, 1, 2, 2, 2, 3)}
"""Rows cut off the top before each step, so that rows 48- of 96 come out as in a whole face.

Each 3x3 convolution needs one row above those that it makes, the transposed one row r // 2 for row r. Rows 48- need
47- before the output block and 45- before the two convolutions of that size; so 22- and 20- of 48, 10- and 8- of 24,
4- and 2- of 12, and all of 6. (44- for 45-: a transposed convolution starts at an even row.) The rows between come out
wrong, since they miss what is above, and are those that the next step cuts.
"""


class Step(nn.Module):
    """One size of the decoder. Its first convolution comes in two, for the `moving` channels and the still ones."""

    def __init__(self, blocks: nn.Sequential, moving: int) -> None:
        super().__init__()
        first = cast("nn.Conv2d | nn.ConvTranspose2d", cast("ConvBlock", blocks[0]).conv_block)
        self.moving: nn.Module = _part(first, slice(0, moving), bias=False)
        self.still = _part(first, slice(moving, None), bias=True)
        self.rest = blocks[1:]

    def forward(self, x: Tensor, stills: Sequence[tuple[slice, Tensor]]) -> Tensor:
        """(n, moving, h, w), and for each run of frames the still part of every row, to (n, out, h', w')."""
        y: Tensor = self.moving(x)
        for frames, still in stills:
            y[frames].add_(still[:, :, -y.shape[2] :])
        return cast("Tensor", self.rest(y.relu_()))


class Generator(nn.Module):
    """The network with `weights` (those of `Wav2Lip`).

    The sound is encoded and decoded in `dtype`. A still face stays in float32: it is encoded once, so that costs
    nothing, and what rounding does there would be in every frame.
    """

    def __init__(self, weights: Mapping[str, Tensor], dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        with torch.device("meta"):
            network = Wav2Lip()
        network.load_state_dict(weights, assign=True)
        _fold(network.eval().double())  # in float64: rounded once
        first, *decoder = cast("list[nn.Sequential]", [*network.face_decoder_blocks])
        block, self.colour, _ = network.output_block
        moving = (512, 512, 512, 384, 256, 128, 64)  # channels that each step gets from the one before
        steps = zip([*decoder, nn.Sequential(block)], moving, strict=True)
        self.encode_sound = nn.Sequential(network.audio_encoder, first)
        self.steps = nn.ModuleList(Step(*step) for step in steps)
        del network.audio_encoder, network.face_decoder_blocks, network.output_block
        self.network = network  # what is left of it encodes faces
        if dtype == torch.float32:  # the transforms' rounding was looked at in no other format
            _minimize([cast("Step", step) for step in self.steps])
        self.dtype = dtype
        self.to(torch.float32, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for part in (
            self.encode_sound,
            self.colour,
            *(half for step in self.steps for half in (step.moving, step.rest)),
        ):
            part.to(dtype)

    def encode_face(self, face: Tensor) -> Still:
        """(1, 3, 96, 96), BGR in [0, 1], to the still part of each step."""
        notes = self.network.encode_face(face.contiguous(memory_format=torch.channels_last))
        steps = zip(self.steps, reversed(notes), strict=True)
        return tuple(cast("Step", step).still(note).to(self.dtype) for step, note in steps)

    def forward(self, mel: Tensor, runs: Sequence[Run], rows: Rows = "lower") -> Tensor:
        """Sound (n, 1, 80, 16) and the still faces of these n frames to their rows, (n, 3, 96 or 48, 96) in [0, 1]."""
        x = self.encode_sound(mel.to(self.dtype))
        for number, (step, cut) in enumerate(zip(self.steps, CUTS[rows], strict=True)):
            x = step(x[:, :, cut:], [(frames, still[number]) for frames, still in runs])
        wanted = FACE_PX if rows == "all" else FACE_PX // 2
        return torch.sigmoid(self.colour(x[:, :, -wanted:]).float())


def _fold(network: nn.Module) -> None:
    """Put every batch norm into the convolution before it."""
    for block in network.modules():
        if isinstance(block, ConvBlock):
            conv, norm = cast("tuple[nn.Conv2d, nn.BatchNorm2d]", block.conv_block)
            block.conv_block = fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, nn.ConvTranspose2d))


def _minimize(steps: Iterable[Step]) -> None:
    """Compute the first five steps, 512 to 128 channels, with fewer multiplications.

    Further on there are too few channels to pay for the transforms. A tile makes 3 pixels of the sizes 3 and 6, and 4
    of the others; the transposed convolutions gain less, and from the fourth on nothing (decision record 5).
    """
    made = (3, 3, 4, 4, 4)
    grown = (tripled(), doubled(1), doubled(2), None, None)
    for step, size, growth in zip(steps, made, grown, strict=False):
        for block in cast("Iterable[ConvBlock]", step.rest):
            block.conv_block = Winograd(cast("nn.Conv2d", block.conv_block), same(size))
        if growth is not None:
            step.moving = Winograd(cast("nn.ConvTranspose2d", step.moving), growth)


def _part(conv: nn.Conv2d | nn.ConvTranspose2d, channels: slice, bias: bool) -> nn.Conv2d | nn.ConvTranspose2d:
    """The same convolution over some of its input channels, with its bias or without."""
    part = copy.deepcopy(conv)
    transposed = isinstance(conv, nn.ConvTranspose2d)  # whose weights are (in, out, h, w), not (out, in, h, w)
    weight = conv.weight[channels] if transposed else conv.weight[:, channels]
    part.weight = nn.Parameter(weight.detach().clone())
    part.in_channels = weight.shape[0 if transposed else 1]
    if not bias:
        part.bias = None
    return part
