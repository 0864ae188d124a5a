"""Eight different clips of 2 s at once, against the same kind one after the other and one clip of 16 s.

`ratio` is the time at once by the time one after the other, `ratio_to_one_long` by the time of the long clip:
medians over the rounds.
"""

import argparse
import io
import statistics
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import numpy as np
from bench_world import order, poster, world

from deployments.media import Passage, Waveform
from deployments.speech.hibari import HibariEngine

CLIPS = 8
CLIP_S = 2.0
SIDE_PX = 512
TEXT = "The quick brown fox jumps over a lazy dog, sees the blue moon above, and sleeps all day in the warm summer sun."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Nothing more can be chosen."""


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Measure in rounds; every clip has a poster and a sound of its own."""
    posters = [poster(SIDE_PX, SIDE_PX, shift) for shift in range(CLIPS)]
    with world() as running, ThreadPoolExecutor(CLIPS) as callers:
        sounds = _sounds()

        def clip(image: bytes) -> None:
            order(running.http, image, audio=next(sounds)(CLIP_S))

        def one_long() -> None:
            order(running.http, posters[0], audio=next(sounds)(CLIPS * CLIP_S))

        def at_once() -> None:
            list(callers.map(clip, posters))

        def one_after_the_other() -> None:
            for image in posters:
                clip(image)

        ways = {"one_long_s": one_long, "at_once_s": at_once, "one_after_the_other_s": one_after_the_other}
        clip(posters[0])  # warm
        rounds = [{name: _seconds(way) for name, way in ways.items()} for _ in range(given.rounds)]
    result = {name: statistics.median(times[name] for times in rounds) for name in ways}
    result |= {
        "ratio": statistics.median(times["at_once_s"] / times["one_after_the_other_s"] for times in rounds),
        "ratio_to_one_long": statistics.median(times["at_once_s"] / times["one_long_s"] for times in rounds),
    }
    return {name: round(value, 3) for name, value in result.items()}


def report(result: dict[str, Any]) -> str:
    """Say the result in words."""
    return (
        f"  one clip of {CLIPS * CLIP_S:g} s             {result['one_long_s']:6.2f} s\n"
        f"  {CLIPS} clips of {CLIP_S:g} s, at once         {result['at_once_s']:6.2f} s,"
        f" {result['ratio_to_one_long']:.2f} times the long one\n"
        f"  one after the other          {result['one_after_the_other_s']:6.2f} s,"
        f" of which at once takes {result['ratio']:.2f}"
    )


class _Sound:
    """Real speech from `start_s` on, as a WAV file of any length."""

    def __init__(self, voice: Waveform, start_s: float) -> None:
        self._voice, self._start = voice, round(start_s * voice.rate_hz)

    def __call__(self, seconds: float) -> bytes:
        wanted = self._start + np.arange(round(seconds * self._voice.rate_hz))
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self._voice.rate_hz)
            file.writeframes(self._voice.samples.take(wanted, mode="wrap").tobytes())
        return out.getvalue()


def _sounds() -> Iterator[_Sound]:
    """Sounds no two of which are alike."""
    voice = HibariEngine().speak(Passage(TEXT, TEXT)).waveform
    return (_Sound(voice, 0.037 * number) for number in count())


def _seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
