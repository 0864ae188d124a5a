"""Wav2Lip as a lip-sync engine: speech to mel windows, a face crop and mel windows to mouth frames."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deployments.lipsync.checkpoint import load_checkpoint
from deployments.lipsync.generator import Generator, Rows, Still
from deployments.lipsync.mel import STEP, Alignment, mel_spectrogram, window_starts
from deployments.lipsync.precision import Precision, choose_dtype
from deployments.lipsync.wav2lip import FACE_PX, MEL_BANDS, MEL_COLUMNS
from deployments.media import FaceBox, FaceCrop, MouthDrive, MouthFrames, Pixels, Speech

Paste = Literal["feathered", "published"]

BATCH = {"cpu": 16, "cuda": 128}
"""Frames in one forward pass, by device. Two CPU cores gain nothing beyond 16 that stands out from noise (decision
record 5); for a GPU it is what the published code takes, not measured."""

FACES = 8
"""Still faces kept encoded, 6 MB each in float32, because the chunks of a video come as calls of their own."""

WARM_UP = 2
"""Frames made at start: what they load serves all, and more would only make starting slower."""

FEATHER = 0.08
"""Width of the mask's soft edge, as a fraction of the box."""


class Wav2LipEngine:
    """The published network, made fast. Engine `wav2lip` of `LipsyncEngine`.

    `device` is a PyTorch device or `auto` (CUDA where there is one); `threads` sets this process's CPU
    threads. `paste` is `published` for the whole box with its visible edge, `feathered` for the lower half of
    the face with a soft one. `alignment` is told in `window_starts`, `precision` in `choose_dtype`.
    Raises `CheckpointUnusable`.
    """

    name = "wav2lip"

    def __init__(
        self,
        checkpoint: Path,
        device: str = "auto",
        threads: int | None = None,
        paste: Paste = "feathered",
        alignment: Alignment = "published",
        precision: Precision = "auto",
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        loaded = load_checkpoint(checkpoint)
        self._device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        dtype = choose_dtype(precision, self._device)
        self.version = f"wav2lip-{loaded.digest[:16]}-{paste}-{alignment}-{str(dtype).removeprefix('torch.')}"
        rows: Rows = "lower" if paste == "feathered" else "all"
        self._generator = Generator(loaded.weights, rows, dtype).eval().to(self._device)
        self._batch = BATCH.get(self._device.type, BATCH["cpu"])
        self._region = lower_face if paste == "feathered" else whole_box
        self._alignment = alignment
        self._stills: OrderedDict[str, Still] = OrderedDict()
        self._lock = threading.Lock()
        self._warm_up()

    def drive(self, speech: Speech, fps: float) -> MouthDrive:
        """Return the mel spectrogram and the 16 columns of it that each frame sees."""
        mel = mel_spectrogram(speech.waveform)
        frames = max(1, round(fps * speech.waveform.duration_s))
        starts = window_starts(mel.shape[1], fps, frames, self._alignment)
        return MouthDrive(self.name, fps, mel, starts, STEP)

    def animate(self, crop: FaceCrop, drive: MouthDrive) -> MouthFrames:
        """Return one mouth for each frame of `drive`: (48, 96, 3), or (96, 96, 3) where `paste` is `published`."""
        windows = np.stack([drive.features[:, start : start + drive.width] for start in drive.starts])
        different, which = np.unique(windows, axis=0, return_inverse=True)  # silence is the same window again and again
        rgb = self._generate(torch.from_numpy(different)[:, None], self._still(crop))
        return MouthFrames(rgb[which], *self._region(crop.box))

    @torch.inference_mode()
    def _generate(self, mel: Tensor, still: Still) -> Pixels:
        """Sound (n, 1, 80, 16) and a still face to RGB (n, rows, 96, 3).

        The host waits once, for the last batch. Levels are cut to whole ones, as in the published code.
        """
        batches = torch.split(self._uploaded(mel), self._batch)
        levels = torch.cat([(self._generator(batch, still) * 255).to(torch.uint8) for batch in batches])
        return levels.flip(1).permute(0, 2, 3, 1).contiguous().cpu().numpy()

    @torch.inference_mode()
    def _still(self, crop: FaceCrop) -> Still:
        """The encoded face: computed once, however many chunks of it come at the same time."""
        with self._lock:
            if crop.digest not in self._stills:
                self._stills[crop.digest] = self._generator.encode_face(self._uploaded(_face(crop)))
            self._stills.move_to_end(crop.digest)
            if len(self._stills) > FACES:
                self._stills.popitem(last=False)
            return self._stills[crop.digest]

    def _uploaded(self, tensor: Tensor) -> Tensor:
        """The tensor on the device; on its way there while the host goes on."""
        pinned = tensor.pin_memory() if self._device.type == "cuda" else tensor
        return pinned.to(self._device, non_blocking=True)

    @torch.inference_mode()
    def _warm_up(self) -> None:
        """Make a few faces of nothing, so that the first video does not wait for kernels to be chosen and loaded."""
        still = self._generator.encode_face(self._uploaded(torch.zeros(1, 3, FACE_PX, FACE_PX)))
        self._generate(torch.zeros(WARM_UP, 1, MEL_BANDS, MEL_COLUMNS), still)


def lower_face(box: FaceBox) -> tuple[FaceBox, NDArray[np.uint8]]:
    """Return the lower half of a face's box, which rows 48 to 95 of the network's 96 cover, and its mask.

    In a box of odd height the half has the middle row too: its picture is at most half a photo pixel too high at
    the seam, where the mask is 0, and right at the chin.
    """
    top = box.height // 2
    return FaceBox(box.left, box.top + top, box.right, box.bottom), lower_face_mask(box)[top:]


def whole_box(box: FaceBox) -> tuple[FaceBox, NDArray[np.uint8]]:
    """Return the box and a mask of 255: what the published code does."""
    return box, np.full((box.height, box.width), 255, np.uint8)


def lower_face_mask(box: FaceBox) -> NDArray[np.uint8]:
    """255 in the lower half, where the network makes a new face, falling to 0 at the middle and at the box's edge."""
    down, across = np.arange(box.height), np.arange(box.width)
    rows = np.minimum(down - box.height / 2, box.height - 1 - down) / (FEATHER * box.height)
    columns = np.minimum(across, box.width - 1 - across) / (FEATHER * box.width)
    return np.round(255 * np.outer(np.clip(rows, 0, 1), np.clip(columns, 0, 1))).astype(np.uint8)


def _face(crop: FaceCrop) -> Tensor:
    """The face in a crop as the network sees it: (1, 3, 96, 96), BGR in [0, 1]."""
    box, area = crop.box, crop.area
    rgb = FaceBox(box.left - area.left, box.top - area.top, box.right - area.left, box.bottom - area.top).cut(crop.rgb)
    bgr = cv2.resize(rgb, (FACE_PX, FACE_PX))[:, :, ::-1] / np.float32(255)
    return torch.from_numpy(np.ascontiguousarray(bgr.transpose(2, 0, 1)))[None]
