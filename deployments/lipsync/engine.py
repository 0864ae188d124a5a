"""The contract of a lip-sync engine."""

from __future__ import annotations

from typing import Protocol

from deployments.media import FaceCrop, MouthDrive, MouthFrames, Speech


class LipsyncEngine(Protocol):
    """Moves a mouth to speech. Deterministic, thread-safe, and free of state that a chunk depends on."""

    name: str
    """`wav2lip` or `preview`."""

    version: str
    """Changes whenever the pictures would: a digest of weights, or a number."""

    def drive(self, speech: Speech, fps: float) -> MouthDrive:
        """Return the drive of max(1, round(fps * speech seconds)) video frames.

        Memory beyond the drive itself does not grow with the length of the speech.
        """

    def animate(self, crop: FaceCrop, drive: MouthDrive) -> MouthFrames:
        """Return one mouth for each frame of `drive`, which may be any chunk of a whole one."""
