"""The Wav2Lip generator: 0.2 s of sound and a face to the same face with the mouth that goes with the sound.

The network of Prajwal et al., "A Lip Sync Expert Is All You Need for Speech to Lip Generation In The Wild"
(2020), with the published names of its 352 tensors. A face encoder keeps what it saw at each of seven
sizes; an audio encoder turns the sound into 512 numbers; the decoder grows these to a picture and looks at
the face encoder's notes of the same size after each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

FACE_PX = 96
"""Height and width of the face it sees and makes."""

MEL_BANDS = 80
MEL_COLUMNS = 16
"""Its view of the sound: 16 columns of 80 bands, 0.2 s."""


class ConvBlock(nn.Module):
    """Convolution (or its transpose), batch norm, ReLU; a residual one adds its input before the ReLU."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, residual: bool = False) -> None:
        super().__init__()
        self.conv_block: nn.Module = nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """(n, in, h, w) to (n, out, h', w')."""
        y: Tensor = self.conv_block(x)
        return (y.add_(x) if self.residual else y).relu_()


def conv(before: int, after: int, kernel: int, stride: int | tuple[int, int] = 1, padding: int = 0) -> ConvBlock:
    """A block that goes from `before` to `after` channels."""
    return ConvBlock(nn.Conv2d(before, after, kernel, stride, padding))


def same(channels: int) -> ConvBlock:
    """A residual block: same channels, same size."""
    return ConvBlock(nn.Conv2d(channels, channels, 3, 1, 1), residual=True)


def grow(before: int, after: int) -> ConvBlock:
    """A block that doubles height and width."""
    return ConvBlock(nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1))


def stage(*blocks: nn.Module) -> nn.Sequential:
    """Blocks one after the other."""
    return nn.Sequential(*blocks)


class Wav2Lip(nn.Module):
    """The generator. Pictures are BGR in [0, 1]; use it in `eval()` mode."""

    def __init__(self) -> None:
        super().__init__()
        self.face_encoder_blocks = nn.ModuleList(
            [
                stage(conv(6, 16, 7, 1, 3)),  # 96 px
                stage(conv(16, 32, 3, 2, 1), same(32), same(32)),  # 48
                stage(conv(32, 64, 3, 2, 1), same(64), same(64), same(64)),  # 24
                stage(conv(64, 128, 3, 2, 1), same(128), same(128)),  # 12
                stage(conv(128, 256, 3, 2, 1), same(256), same(256)),  # 6
                stage(conv(256, 512, 3, 2, 1), same(512)),  # 3
                stage(conv(512, 512, 3), conv(512, 512, 1)),  # 1
            ]
        )
        self.audio_encoder = stage(
            conv(1, 32, 3, 1, 1), same(32), same(32),  # 80 bands x 16 columns
            conv(32, 64, 3, (3, 1), 1), same(64), same(64),  # 27 x 16
            conv(64, 128, 3, 3, 1), same(128), same(128),  # 9 x 6
            conv(128, 256, 3, (3, 2), 1), same(256),  # 3 x 3
            conv(256, 512, 3), conv(512, 512, 1),  # 1 x 1
        )  # fmt: skip
        self.face_decoder_blocks = nn.ModuleList(
            [  # each but the first takes what the one before made and the face encoder's channels of that size
                stage(conv(512, 512, 1)),  # 1 px
                stage(ConvBlock(nn.ConvTranspose2d(512 + 512, 512, 3)), same(512)),  # 3
                stage(grow(512 + 512, 512), same(512), same(512)),  # 6
                stage(grow(512 + 256, 384), same(384), same(384)),  # 12
                stage(grow(384 + 128, 256), same(256), same(256)),  # 24
                stage(grow(256 + 64, 128), same(128), same(128)),  # 48
                stage(grow(128 + 32, 64), same(64), same(64)),  # 96
            ]
        )
        self.output_block = stage(conv(64 + 16, 32, 3, 1, 1), nn.Conv2d(32, 3, 1), nn.Sigmoid())

    def forward(self, mel: Tensor, face: Tensor) -> Tensor:
        """Sound (n, 1, 80, 16) and one face (1, 3, 96, 96), or n of them, to n new faces (n, 3, 96, 96)."""
        return self.decode(self.encode_audio(mel), self.encode_face(face))

    def encode_audio(self, mel: Tensor) -> Tensor:
        """(n, 1, 80, 16) mel in [-4, 4] to (n, 512, 1, 1)."""
        return cast("Tensor", self.audio_encoder(mel))

    def encode_face(self, face: Tensor) -> list[Tensor]:
        """(n, 3, 96, 96) to seven maps, (n, 16, 96, 96) first and (n, 512, 1, 1) last.

        The network sees the face twice: without its lower half, whose pose it must keep, and whole.
        """
        upper = face.clone()
        upper[:, :, FACE_PX // 2 :] = 0
        x, notes = torch.cat([upper, face], dim=1), []
        for block in self.face_encoder_blocks:
            x = block(x)
            notes.append(x)
        return notes

    def decode(self, sound: Tensor, notes: Sequence[Tensor]) -> Tensor:
        """(n, 512, 1, 1) and the maps of `encode_face`, for n faces or for one, to (n, 3, 96, 96) in [0, 1]."""
        x = sound
        for block, note in zip(self.face_decoder_blocks, reversed(notes), strict=True):
            x = torch.cat([block(x), note.expand(x.shape[0], -1, -1, -1)], dim=1)
        return cast("Tensor", self.output_block(x))
