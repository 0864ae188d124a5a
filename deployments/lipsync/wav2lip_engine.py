"""Wav2Lip as a lip-sync engine: speech to mel windows, a face crop and mel windows to mouth frames."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deployments.lipsync.checkpoint import load_checkpoint
from deployments.lipsync.mel import STEP, Alignment, mel_spectrogram, window_starts
from deployments.lipsync.wav2lip import FACE_PX, Wav2Lip
from deployments.media import FaceBox, FaceCrop, MouthDrive, MouthFrames, Pixels, Speech

Paste = Literal["feathered", "published"]

BATCH = 16
"""Frames in one forward pass: where two CPU cores stop getting faster."""

FEATHER = 0.08
"""Width of the mask's soft edge, as a fraction of the box."""


class Wav2LipEngine:
    """The published network, in float32. Engine `wav2lip` of `LipsyncEngine`.

    `device` is a PyTorch device or `auto` (CUDA where there is one); `threads` sets this process's CPU
    threads. `paste` is `published` for the whole box with its visible edge, `feathered` for the lower half of
    the face with a soft one. `alignment` is told in `window_starts`. Raises `CheckpointUnusable`.
    """

    name = "wav2lip"

    def __init__(
        self,
        checkpoint: Path,
        device: str = "auto",
        threads: int | None = None,
        paste: Paste = "feathered",
        alignment: Alignment = "published",
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        loaded = load_checkpoint(checkpoint)
        self.version = f"wav2lip-{loaded.digest[:16]}-{paste}-{alignment}"
        self._device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        self._network = Wav2Lip().eval()
        self._network.load_state_dict(loaded.weights)
        self._network.to(self._device)
        self._mask = lower_face_mask if paste == "feathered" else whole_box_mask
        self._alignment = alignment

    def drive(self, speech: Speech, fps: float) -> MouthDrive:
        """Return the mel spectrogram and the 16 columns of it that each frame sees."""
        mel = mel_spectrogram(speech.waveform)
        frames = max(1, round(fps * speech.waveform.duration_s))
        starts = window_starts(mel.shape[1], fps, frames, self._alignment)
        return MouthDrive(self.name, fps, mel, starts, STEP)

    def animate(self, crop: FaceCrop, drive: MouthDrive) -> MouthFrames:
        """Return one (96, 96, 3) mouth for each frame of `drive`."""
        windows = np.stack([drive.features[:, start : start + drive.width] for start in drive.starts])
        faces = self._faces(torch.from_numpy(windows)[:, None], _face(crop))
        return MouthFrames(_pixels(faces), crop.box, self._mask(crop.box))

    @torch.inference_mode()
    def _faces(self, mel: Tensor, face: Tensor) -> Tensor:
        """Sound (n, 1, 80, 16) and the still face (1, 3, 96, 96) to n new faces (n, 3, 96, 96)."""
        network, notes = self._network, self._network.encode_face(face.to(self._device))
        batches = torch.split(mel.to(self._device), BATCH)
        return torch.cat([network.decode(network.encode_audio(batch), notes) for batch in batches])


def lower_face_mask(box: FaceBox) -> NDArray[np.uint8]:
    """255 in the lower half, where the network makes a new face, falling to 0 at the middle and at the box's edge."""
    down, across = np.arange(box.height), np.arange(box.width)
    rows = np.minimum(down - box.height / 2, box.height - 1 - down) / (FEATHER * box.height)
    columns = np.minimum(across, box.width - 1 - across) / (FEATHER * box.width)
    return np.round(255 * np.outer(np.clip(rows, 0, 1), np.clip(columns, 0, 1))).astype(np.uint8)


def whole_box_mask(box: FaceBox) -> NDArray[np.uint8]:
    """255 everywhere: what the published code does."""
    return np.full((box.height, box.width), 255, np.uint8)


def _face(crop: FaceCrop) -> Tensor:
    """The face in a crop as the network sees it: (1, 3, 96, 96), BGR in [0, 1]."""
    box, area = crop.box, crop.area
    rgb = FaceBox(box.left - area.left, box.top - area.top, box.right - area.left, box.bottom - area.top).cut(crop.rgb)
    bgr = cv2.resize(rgb, (FACE_PX, FACE_PX))[:, :, ::-1] / np.float32(255)
    return torch.from_numpy(np.ascontiguousarray(bgr.transpose(2, 0, 1)))[None]


def _pixels(faces: Tensor) -> Pixels:
    """(n, 3, 96, 96) BGR in [0, 1] to (n, 96, 96, 3) RGB, truncated to whole levels as in the published code."""
    levels = (faces * 255).to(torch.uint8)
    return levels.flip(1).permute(0, 2, 3, 1).contiguous().cpu().numpy()
