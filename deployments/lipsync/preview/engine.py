"""The preview engine: mouths from phoneme times and face points alone, with no weights."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

import numpy as np

from deployments.errors import ClipUnsupported
from deployments.lipsync.engine import Call
from deployments.lipsync.preview.drive import drive_from
from deployments.lipsync.preview.life import life_curves
from deployments.lipsync.preview.portrait import Portrait
from deployments.media import ClipFaces, FaceCrop, Life, MouthDrive, MouthFrames, Paste, Speech


class PreviewEngine:
    """Moves the lips of a photo by warping it. Deterministic and thread-safe; fulfils `LipsyncEngine`.

    `cache_size` faces stay set up, because the chunks of a video come as calls of their own.
    """

    name = "preview"
    version = "4"
    batch_frames = 16  # nothing is gained together, so that others wait no longer than this takes

    def __init__(self, cache_size: int = 8) -> None:
        self._cache_size = cache_size
        self._portraits: OrderedDict[str, Future[Portrait]] = OrderedDict()
        self._lock = threading.Lock()

    def drive(self, speech: Speech, fps: float, paste: Paste = "feathered", life: Life | None = None) -> MouthDrive:
        """Return the drive of max(1, round(fps * seconds)) frames.

        Its rows are `channels.CHANNELS`, the gap first, and with `life` `channels.LIFE` after them. `paste` changes
        nothing: it tells of Wav2Lip's boxes, and a warped photo has no edge to hide.
        """
        drive = drive_from(self.name, speech, fps)
        if life is None:
            return drive
        rows = life_curves(life, fps, drive.frames).astype(np.float32)
        return replace(drive, features=np.concatenate([drive.features, rows]))

    def animate(self, face: FaceCrop | ClipFaces, drive: MouthDrive) -> MouthFrames:
        """Return a mouth for each frame of `drive`, at the photo's own resolution."""
        if isinstance(face, ClipFaces):
            raise ClipUnsupported(
                "The preview engine takes photos only: send one, or choose wav2lip (weights: scripts/fetch-weights)."
            )
        portrait = self._portrait(face)
        features = drive.features[:, drive.starts].T
        rgb = np.stack([portrait.frame(frame) for frame in features])
        mask = np.full((1, *rgb.shape[1:3]), 255, np.uint8)  # at the rim of the box they are the photo's own pixels
        return MouthFrames(rgb, (portrait.box,), mask)

    def animate_together(self, calls: Sequence[Call]) -> list[MouthFrames]:
        """Return what `animate` does for each call."""
        return [self.animate(face, drive) for face, drive in calls]

    def check(self) -> None:
        """Nothing: it has no device of its own."""

    def _portrait(self, crop: FaceCrop) -> Portrait:
        """Return the face set up: once, however many chunks of it come at the same time."""
        with self._lock:
            known = self._portraits.get(crop.digest)
            future = known or Future()
            self._portraits[crop.digest] = future
            self._portraits.move_to_end(crop.digest)
            if len(self._portraits) > self._cache_size:
                self._portraits.popitem(last=False)
        if known is None:
            self._set_up(crop, future)
        return future.result()

    def _set_up(self, crop: FaceCrop, future: Future[Portrait]) -> None:
        try:
            future.set_result(Portrait(crop))
        except BaseException as error:
            with self._lock:
                self._portraits.pop(crop.digest, None)
            future.set_exception(error)
