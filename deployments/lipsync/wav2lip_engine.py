"""Wav2Lip as a lip-sync engine: speech to mel windows, faces and mel windows to mouth frames."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deployments.lipsync.blend import lower_face_masks, matched
from deployments.lipsync.checkpoint import load_checkpoint
from deployments.lipsync.engine import Call
from deployments.lipsync.generator import Generator, Rows, Still
from deployments.lipsync.mel import STEP, Alignment, mel_spectrogram, window_starts
from deployments.lipsync.precision import Precision, choose_dtype
from deployments.lipsync.silence import rested
from deployments.lipsync.wav2lip import FACE_PX, MEL_BANDS, MEL_COLUMNS
from deployments.media import ClipFaces, FaceBox, FaceCrop, Life, MouthDrive, MouthFrames, Paste, Pixels, Speech

Silence = Literal["rest", "published"]

BATCH = {"cpu": 16, "cuda": 128}
"""Frames in one forward pass, by device. Two CPU cores gain nothing beyond 16 that stands out from noise (decision
record 5); for a GPU it is what the published code takes, not measured."""

TOGETHER = 2
"""Batches that are worth taking together, so that the last frames of one video fill up with the first of the next."""

FACES = 8
"""Still faces kept encoded, 6 MB each in float32, because the chunks of a video come as calls of their own."""

WARM_UP = 2
"""Frames made at start: what they load serves all, and more would only make starting slower."""


@dataclass(frozen=True)
class Options:
    """How the engine works.

    `sha256`, in hex, refuses any other checkpoint. `device` is a PyTorch device or `auto` (CUDA where there is one);
    `threads` sets this process's CPU threads, `gpu_share` the part of a GPU's memory that it may take. `silence` is
    `rest` for a mouth that stays still in pauses. `alignment` is told in `window_starts`, `precision` in
    `choose_dtype`.
    """

    sha256: str | None = None
    device: str = "auto"
    threads: int | None = None
    gpu_share: float = 1.0
    silence: Silence = "rest"
    alignment: Alignment = "published"
    precision: Precision = "auto"


@dataclass(frozen=True, eq=False)
class Work:
    """One call in the network's terms: `mel` is (n, 1, 80, 16), `faces` (1 or n, 96, 96, 3) RGB.

    `still` is the face encoded, where all frames have the same one. Frame i of the call is row `order[i]`.
    """

    mel: NDArray[np.float32]
    faces: Pixels
    still: Still | None
    order: NDArray[np.intp]


class Wav2LipEngine:
    """The published network, made fast. Engine `wav2lip` of `LipsyncEngine`. Raises `CheckpointUnusable`."""

    name = "wav2lip"

    def __init__(self, checkpoint: Path, options: Options = Options()) -> None:
        if options.threads is not None:
            torch.set_num_threads(options.threads)
        loaded = load_checkpoint(checkpoint, options.sha256)
        auto = "cuda" if torch.cuda.is_available() else "cpu"
        self._device = torch.device(auto if options.device == "auto" else options.device)
        if self._device.type == "cuda":
            torch.cuda.set_per_process_memory_fraction(options.gpu_share, self._device)
        dtype = choose_dtype(options.precision, self._device)
        choices = (options.silence, options.alignment, str(dtype).removeprefix("torch."))
        self.version = "-".join(("wav2lip", loaded.digest[:16], *choices))
        self._options = options
        self._generator = Generator(loaded.weights, dtype).eval().to(self._device)
        self._batch = BATCH.get(self._device.type, BATCH["cpu"])
        self.batch_frames = TOGETHER * self._batch
        self._stills: OrderedDict[str, Still] = OrderedDict()
        self._lock = threading.Lock()
        self._warm_up()

    def drive(self, speech: Speech, fps: float, paste: Paste = "feathered", life: Life | None = None) -> MouthDrive:
        """Return the mel spectrogram and the 16 columns of it that each frame sees; `life` is not for mouths alone."""
        mel = mel_spectrogram(speech.waveform)
        if self._options.silence == "rest":
            mel = rested(mel)
        frames = max(1, round(fps * speech.waveform.duration_s))
        starts = window_starts(mel.shape[1], fps, frames, self._options.alignment)
        return MouthDrive(self.name, fps, mel, starts, STEP, paste)

    def animate(self, face: FaceCrop | ClipFaces, drive: MouthDrive) -> MouthFrames:
        """Return one mouth for each frame of `drive`: (48, 96, 3), or (96, 96, 3) where its `paste` is `published`."""
        return self.animate_together([(face, drive)])[0]

    def animate_together(self, calls: Sequence[Call]) -> list[MouthFrames]:
        """Return what `animate` does for each call, from forward passes shared by those that are pasted alike."""
        made: dict[int, MouthFrames] = {}
        for paste in {drive.paste for _, drive in calls}:
            numbers = [number for number, (_, drive) in enumerate(calls) if drive.paste == paste]
            made |= zip(numbers, self._alike([calls[number] for number in numbers], paste), strict=True)
        return [made[number] for number in range(len(calls))]

    def check(self) -> None:
        """Compute something on the device: after a CUDA error nothing in this process works there any more."""
        ones = torch.ones(2, device=self._device)
        if float(ones.sum()) != len(ones):
            raise RuntimeError(f"{self._device} does not compute: 1 + 1 is {float(ones.sum())}")

    def _alike(self, calls: Sequence[Call], paste: Paste) -> list[MouthFrames]:
        works = [self._work(*call) for call in calls]
        parts = self._generate(works, "all" if paste == "published" else "lower")
        return [
            self._finished(face, work, rgb, paste) for (face, _), work, rgb in zip(calls, works, parts, strict=True)
        ]

    def _work(self, face: FaceCrop | ClipFaces, drive: MouthDrive) -> Work:
        windows = np.stack([drive.features[:, start : start + drive.width] for start in drive.starts])
        if isinstance(face, ClipFaces):
            return Work(windows[:, None], face.rgb, None, np.arange(len(windows)))
        faces = _face(face)
        different, order = np.unique(windows, axis=0, return_inverse=True)  # a pause is one window again and again
        return Work(different[:, None], faces, self._still(face.digest, faces), order.reshape(-1))

    @torch.inference_mode()
    def _generate(self, works: Sequence[Work], rows: Rows) -> list[Pixels]:
        """Return each work's mouths, (n, rows, 96, 3) RGB.

        The host waits once, for the last batch. Levels are cut to whole ones, as in the published code.
        """
        mel = self._uploaded(torch.from_numpy(np.concatenate([work.mel for work in works])))
        ends = [*accumulate(len(work.mel) for work in works)]
        levels = torch.cat(
            [
                (self._generator(batch, [*self._stills_of(works, ends, first)], rows) * 255).to(torch.uint8)
                for first, batch in zip(range(0, ends[-1], self._batch), torch.split(mel, self._batch), strict=True)
            ]
        )
        rgb = levels.flip(1).permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return np.split(rgb, ends[:-1])

    def _stills_of(self, works: Sequence[Work], ends: Sequence[int], first: int) -> Iterator[tuple[slice, Still]]:
        """Yield the runs of frames in the batch from `first` on, and the face, or faces, of each."""
        for work, end in zip(works, ends, strict=True):
            begin = end - len(work.mel)
            low, high = max(first, begin), min(first + self._batch, end)
            if low < high:
                still = work.still or self._encoded(work.faces[low - begin : high - begin])
                yield slice(low - first, high - first), still

    def _finished(self, face: FaceCrop | ClipFaces, work: Work, rgb: Pixels, paste: Paste) -> MouthFrames:
        """The mouths of a call as they will be pasted."""
        boxes = face.boxes if isinstance(face, ClipFaces) else (face.box,)
        if paste == "published":
            return MouthFrames(rgb[work.order], boxes, np.full((len(boxes), FACE_PX, FACE_PX), 255, np.uint8))
        points = face.landmarks if isinstance(face, ClipFaces) or face.landmarks is None else face.landmarks[None]
        masks = lower_face_masks(points, boxes)
        rgb = matched(rgb, work.faces[:, FACE_PX // 2 :], masks)
        return MouthFrames(rgb[work.order], tuple(lower_half(box) for box in boxes), masks)

    def _still(self, digest: str, faces: Pixels) -> Still:
        """The encoded face: computed once, however many chunks of it come at the same time."""
        with self._lock:
            if digest not in self._stills:
                self._stills[digest] = self._encoded(faces)
            self._stills.move_to_end(digest)
            if len(self._stills) > FACES:
                self._stills.popitem(last=False)
            return self._stills[digest]

    @torch.inference_mode()
    def _encoded(self, faces: Pixels) -> Still:
        """Faces (n, 96, 96, 3) RGB as the network sees them, BGR in [0, 1], and encodes them."""
        bgr = np.ascontiguousarray(faces[..., ::-1].transpose(0, 3, 1, 2)) / np.float32(255)
        return self._generator.encode_face(self._uploaded(torch.from_numpy(bgr)))

    def _uploaded(self, tensor: Tensor) -> Tensor:
        """The tensor on the device; on its way there while the host goes on."""
        pinned = tensor.pin_memory() if self._device.type == "cuda" else tensor
        return pinned.to(self._device, non_blocking=True)

    def _warm_up(self) -> None:
        """Make a few faces of nothing, so that the first video does not wait for kernels to be chosen and loaded."""
        face = np.zeros((1, FACE_PX, FACE_PX, 3), np.uint8)
        mel = np.zeros((WARM_UP, 1, MEL_BANDS, MEL_COLUMNS), np.float32)
        self._generate([Work(mel, face, self._encoded(face), np.arange(WARM_UP))], "lower")


def lower_half(box: FaceBox) -> FaceBox:
    """Return the lower half of a face's box, which rows 48 to 95 of the network's 96 cover.

    In a box of odd height the half has the middle row too: its picture is at most half a photo pixel too high at
    the seam, where the mask is 0, and right at the chin.
    """
    return FaceBox(box.left, box.top + box.height // 2, box.right, box.bottom)


def _face(crop: FaceCrop) -> Pixels:
    """The face in a crop, resized as in the published code: (1, 96, 96, 3)."""
    box, area = crop.box, crop.area
    rgb = FaceBox(box.left - area.left, box.top - area.top, box.right - area.left, box.bottom - area.top).cut(crop.rgb)
    return np.asarray(cv2.resize(rgb, (FACE_PX, FACE_PX)), np.uint8)[None]
