"""The preview engine on one core: how much faster than real time a clip of 512 by 512 is made, and what takes it.

Each poster speaks one sentence with `motion: natural`, once warm. `set_up_ms` is what a new face takes before its first
frame; the rest is milliseconds a frame, medians over the rounds: `engine` makes what moves, `paste` puts it into the
photo, `encode` makes H.264 and AAC of it. Times are those of this process: what else the machine does counts little.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import cv2
from threadpoolctl import threadpool_limits

from deployments.faces.finder import FaceFinder
from deployments.lipsync.preview.engine import PreviewEngine
from deployments.media import FaceTrack, Life, Passage, Speech
from deployments.speech.hibari import HibariEngine
from deployments.video.encode import ClipWriter, Encoding
from deployments.video.paste import paste
from deployments.video.shots import PhotoShots

POSTERS = {"small face": ("astronaut.png", slice(None)), "large face": ("illustration.png", slice(100, 820))}
"""Sample posters, and which of their rows make a square."""
SIDE_PX, FPS, CHUNK = 512, 25.0, 16
TEXT = "The quick brown fox jumps over a lazy dog, sees the blue moon above, and sleeps all day in the warm summer sun."
PARTS = ("engine", "paste", "encode")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--still", action="store_true", help="with `motion: still`")


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Make the clips in rounds, on the first core that this process may use."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    threadpool_limits(1)  # as in a replica: Ray gives numpy one thread
    speech = HibariEngine().speak(Passage(TEXT, TEXT))
    life = None if given.still else Life()
    return {name: _poster(given.rounds, _track(*poster), speech, life) for name, poster in POSTERS.items()}


def _track(name: str, rows: slice) -> FaceTrack:
    square = cv2.imread(str(files("serve_app") / "samples" / name))[rows]
    small = cv2.resize(square, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return FaceFinder().track(bytes(cv2.imencode(".png", small)[1]))


def _poster(rounds: int, track: FaceTrack, speech: Speech, life: Life | None) -> dict[str, float]:
    _clip(track, speech, life)  # warm
    times = [_clip(track, speech, life) for _ in range(rounds)]
    result = {name: statistics.median(taken[name] for taken in times) for name in times[0]}
    result["times_real_time"] = statistics.median(1000 / FPS / sum(taken[part] for part in PARTS) for taken in times)
    return {name: round(value, 2) for name, value in result.items()}


def _clip(track: FaceTrack, speech: Speech, life: Life | None) -> dict[str, float]:
    engine, spent = PreviewEngine(), dict.fromkeys(PARTS, 0.0)

    def timed(part: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        done = work()
        spent[part] = spent.get(part, 0.0) + 1000 * (time.process_time() - began)
        return done

    drive = timed("engine", lambda: engine.drive(speech, FPS, life=life))
    timed("set_up", lambda: engine.animate(track.crop, drive.chunk(0, 1)))
    shots = PhotoShots(track)
    with ClipWriter(SIDE_PX, SIDE_PX, FPS, speech.waveform, Encoding()) as writer:
        for first in range(0, drive.frames, CHUNK):
            chunk = drive.chunk(first, first + CHUNK)
            mouths = timed("engine", lambda chunk=chunk: engine.animate(track.crop, chunk))
            shot = shots.take(chunk.frames)
            frames = timed("paste", lambda shot=shot, mouths=mouths: list(paste(shot, mouths)))
            timed("encode", lambda frames=frames: writer.add(frames))
        timed("encode", writer.close)
    return {"set_up_ms": spent["set_up"]} | {part: spent[part] / drive.frames for part in PARTS}


def report(result: dict[str, Any]) -> str:
    """Say the result in words."""
    return "\n".join(
        f"  {name}  {made['times_real_time']:.2f} times real time; ms a frame: "
        + ", ".join(f"{part} {made[part]:.1f}" for part in PARTS)
        + f"; set-up {made['set_up_ms']:.0f} ms"
        for name, made in result.items()
    )
