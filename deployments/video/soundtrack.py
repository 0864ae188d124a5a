"""The sound of a video, as far as it is known: passages follow each other as they are spoken."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import numpy as np

from deployments.errors import StageFailed
from deployments.media import Speech, Waveform

ROUNDING = 1e-6
"""Of a frame: no frame is added for it."""


class Soundtrack:
    """A waveform that grows: `samples` is (n,) int16, at `rate_hz` samples a second."""

    def __init__(self, rate_hz: int) -> None:
        self.samples, self.rate_hz = np.empty(0, np.int16), rate_hz

    @property
    def duration_s(self) -> float:
        """Length in seconds, so far."""
        return len(self.samples) / self.rate_hz

    def add(self, waveform: Waveform) -> None:
        """Let it be heard at the end. Raises `StageFailed` where its rate is another."""
        if waveform.rate_hz != self.rate_hz:
            raise StageFailed(f"A voice changed from {self.rate_hz} to {waveform.rate_hz} samples a second. Ask again.")
        alone = not len(self.samples)  # a long sound is not copied
        self.samples = waveform.samples if alone else np.concatenate([self.samples, waveform.samples])


def in_whole_frames(speech: Speech, fps: float) -> Speech:
    """Return the speech with silence after it to the end of a frame, so that another may follow with the next."""
    waveform = speech.waveform
    frames = max(1, ceil(waveform.duration_s * fps - ROUNDING))
    silence = np.zeros(max(0, round(frames / fps * waveform.rate_hz) - len(waveform.samples)), np.int16)
    return replace(speech, waveform=Waveform(np.concatenate([waveform.samples, silence]), waveform.rate_hz))
