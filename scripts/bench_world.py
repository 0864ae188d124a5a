"""What the benchmarks of the whole service share: a running one with Wav2Lip, posters, sentences and orders."""

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from cluster.testbed.service import LocalService, local_service
from deployments.media import Passage
from deployments.speech.hibari import HibariEngine

sys.path.append(str(Path(__file__).parents[1] / "tests" / "golden"))

from seeded_checkpoint import seeded_weights, write_checkpoint

PORTRAIT = slice(82, 370)  # columns of the sample poster with its face in the middle: 9 to 16
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
TEXT = "the quick brown fox jumps over a lazy dog and then it sleeps all day in the warm summer sun"
LIMIT_S = 600.0


@dataclass(frozen=True)
class World:
    """A running service, a client of it, and the checkpoint that it uses: seeded weights, as fast as any."""

    service: LocalService
    http: httpx.Client
    checkpoint: Path
    folder: Path


@contextlib.contextmanager
def world() -> Iterator[World]:
    """Run `configs/local.yaml` with Wav2Lip."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = folder / "seeded.pth"
        write_checkpoint(checkpoint, seeded_weights())
        args = {"lipsync": {"checkpoint": str(checkpoint)}}
        with (
            local_service(folder, args=args) as service,
            httpx.Client(base_url=service.url, timeout=LIMIT_S) as http,
        ):
            yield World(service, http, checkpoint, folder)


def poster(width: int, height: int, shift: int = 0) -> bytes:
    """The sample poster as a PNG of that size, square or 9 to 16; moved by `shift` pixels."""
    rgb = cv2.imread(str(files("serve_app") / "samples" / "astronaut.png"))
    part = np.roll(rgb if width == height else rgb[:, PORTRAIT], shift, axis=1)
    return bytes(cv2.imencode(".png", cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC))[1])


def sentence(voice: HibariEngine, seconds: float, number: int) -> str:
    """A text that takes the voice about that long, another for each number."""
    first = [NUMBERS[number % len(NUMBERS)], NUMBERS[number // len(NUMBERS) % len(NUMBERS)]]
    few, many = 1, 8 * round(seconds)
    while many - few > 1:
        middle = (few + many) // 2
        text = _text(first, middle)
        spoken = voice.speak(Passage(text, text)).waveform.duration_s
        few, many = (middle, many) if spoken <= seconds else (few, middle)
    return _text(first, few)


def _text(first: list[str], count: int) -> str:
    said = islice(chain(first, cycle(TEXT.split())), count)
    return " ".join(said).capitalize() + "."


def order(http: httpx.Client, image: bytes, text: str | None = None, audio: bytes | None = None) -> dict[str, Any]:
    """Order a video, wait for its end and return it, with the seconds that took as `post_to_url_s`."""
    uploads = {"poster": image} | ({"audio": audio} if audio else {})
    began = time.perf_counter()
    answer = http.post("/v1/videos", data={"text": text} if text else {}, files=uploads, headers={"prefer": "wait=60"})
    answer.raise_for_status()
    video: dict[str, Any] = answer.json()
    while video["status"] in ("queued", "processing"):
        time.sleep(0.02)
        video = http.get(f"/v1/videos/{video['id']}").json()
    if video["status"] != "completed" or video["cache"] not in (None, "miss"):
        raise RuntimeError(f"this was to be made anew: {video}")
    return video | {"post_to_url_s": time.perf_counter() - began}
