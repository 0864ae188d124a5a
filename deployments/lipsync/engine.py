"""The contract of a lip-sync engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from deployments.media import ClipFaces, FaceCrop, Life, MouthDrive, MouthFrames, Paste, Speech

Call = tuple[FaceCrop | ClipFaces, MouthDrive]
"""A photo's face, or one face for each frame of the drive; and any chunk of a whole drive."""


class LipsyncEngine(Protocol):
    """Moves a mouth to speech. Deterministic, thread-safe, and free of state that a chunk depends on."""

    name: str
    """`wav2lip` or `preview`."""

    version: str
    """Changes whenever the pictures of equal drives would: a digest of weights, or a number."""

    batch_frames: int
    """Frames that are worth taking together; more would only make the first of them wait."""

    def drive(self, speech: Speech, fps: float, paste: Paste = "feathered", life: Life | None = None) -> MouthDrive:
        """Return the drive of max(1, round(fps * speech seconds)) video frames, to be pasted in that way.

        With `life` the head moves a little, too, where the engine can; drives whose `start_s` follow on each other
        join without a seam. Without it, nothing but the mouth does.
        Memory beyond the drive itself does not grow with the length of the speech.
        """

    def animate(self, face: FaceCrop | ClipFaces, drive: MouthDrive) -> MouthFrames:
        """Return one mouth for each frame of `drive`. Raises `ClipUnsupported`, and `NoFace` without landmarks."""

    def animate_together(self, calls: Sequence[Call]) -> list[MouthFrames]:
        """Return what `animate` does for each call, within one level of 255, for less than it takes one by one."""

    def check(self) -> None:
        """Raise if the device does not compute any more: its replica is then replaced."""
