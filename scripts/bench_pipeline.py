"""Seconds from POST to the finished URL, warm, with Wav2Lip; and what the service adds to its stages.

Each video is made by the running service and then by the same stages in this process, without Ray: the overhead is
the median of what the first takes longer. `generate` and `encode` run at the same time, so together they take longer
than the `video` stage whose parts they are.

`held_s` is how long the job held its place, in each round; `cpu_s` the CPU-seconds by stage, the median of the rounds,
and `memory_mb` what a replica has for itself: `python -m cluster.capacity plan` computes with them.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import IO, Any

from bench_usage import Usage, machine
from bench_world import World, order, poster, sentence, world

from deployments.faces.finder import FaceFinder
from deployments.lipsync.wav2lip_engine import Options, Wav2LipEngine
from deployments.media import Acting, FaceTrack, MouthDrive, MouthFrames, Passage, Speech, Spoken
from deployments.script.passages import passages
from deployments.speech.hibari import HibariEngine
from deployments.storage.disk import DiskStore
from deployments.video.encode import Encoding
from deployments.video.render import Renderer, finished
from deployments.video.said import Said
from deployments.video.shots import PhotoShots, Shot
from deployments.video.window import ahead, windowed
from serve_app.settings import VideoSettings

SIZES = {"512x512": (512, 512), "720x1280": (720, 1280)}
SPEECH_S = (2.0, 6.0, 30.0)
VIDEO = VideoSettings()


class InProcess:
    """The stages as the service runs them, but called directly."""

    def __init__(self, world: World) -> None:
        self._voice = HibariEngine()
        self._finder = FaceFinder()
        self._engine = Wav2LipEngine(world.checkpoint, Options(threads=os.cpu_count()))
        self._renderer = Renderer(Encoding(crf=VIDEO.crf, preset=VIDEO.preset))
        self._store = DiskStore(world.folder / "in-process")

    async def make(self, image: bytes, text: str) -> float:
        """Return the seconds that a video takes."""
        began = time.perf_counter()
        first, *rest = passages(text)
        speech, track = await asyncio.gather(
            asyncio.to_thread(self._voice.speak, first), asyncio.to_thread(self._finder.track, image)
        )
        stages = SimpleNamespace(speak=SimpleNamespace(remote=self.speak), drive=SimpleNamespace(remote=self.drive))
        said = Said(stages, stages, Spoken(speech, tuple(rest)), track.fps, Acting("wav2lip"))
        shots = PhotoShots(track)
        async with contextlib.aclosing(windowed(self._calls(said, shots, track))) as pieces:
            size = shots.width, shots.height
            await finished(self._renderer.render(size, said.sound, track.fps, pieces, self._keep))
        return time.perf_counter() - began

    async def speak(self, passage: Passage, voice_id: str, seed: int, owner: str) -> Speech:
        """As the speech stage."""
        return await asyncio.to_thread(self._voice.speak, passage, seed)

    async def drive(self, speech: Speech, fps: float, acting: Acting, start_s: float) -> MouthDrive:
        """As the lip-sync stage."""
        return await asyncio.to_thread(self._engine.drive, speech, fps)

    async def _calls(
        self, said: Said, shots: PhotoShots, track: FaceTrack
    ) -> AsyncGenerator[Callable[[], Awaitable[tuple[Shot, MouthFrames]]], None]:
        turn = asyncio.Lock()
        async with contextlib.aclosing(ahead(said.drives())) as drives:
            async for drive in drives:
                for chunk in _chunks(drive):
                    yield partial(self._talking, turn, shots, track, chunk)

    async def _talking(
        self, turn: asyncio.Lock, shots: PhotoShots, track: FaceTrack, chunk: MouthDrive
    ) -> tuple[Shot, MouthFrames]:
        shot = shots.take(chunk.frames)
        async with turn:
            return shot, await asyncio.to_thread(self._engine.animate, track.crop, chunk)

    def _keep(self, file: IO[bytes]) -> None:
        self._store.put("videos/one.mp4", file, "video/mp4")


def _chunks(drive: MouthDrive) -> Iterator[MouthDrive]:
    for first in range(0, drive.frames, VIDEO.chunk_frames):
        yield drive.chunk(first, first + VIDEO.chunk_frames)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=[*SIZES], help="of the video (default: both)")
    parser.add_argument("--speech", nargs="+", type=float, default=SPEECH_S, help="its seconds (default: 2 6 30)")


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Make each video in rounds, by the service and in this process in turns."""
    voice = HibariEngine()
    with world() as running:
        direct = InProcess(running)
        for size in given.sizes:  # warm
            image = poster(*SIZES[size])
            order(running.http, image, text="Warm.")
            asyncio.run(direct.make(image, "Warm."))
        usage = Usage(running.service)
        cases = [(size, seconds) for size in given.sizes for seconds in given.speech]
        shifts = itertools.count(1)
        runs = [_run(given.rounds, running, usage, direct, voice, shifts, *case) for case in cases]
        return {"runs": runs, "memory_mb": usage.memory_mb(), "machine": machine()}


def _run(
    rounds: int,
    running: World,
    usage: Usage,
    direct: InProcess,
    voice: HibariEngine,
    shifts: Iterator[int],
    size: str,
    seconds: float,
) -> dict[str, Any]:
    """Make a video in rounds, each of another text and of a picture that was not seen before."""
    videos, spent, alone_s = [], [], []
    for number in range(rounds):
        image = poster(*SIZES[size], shift=next(shifts))
        text = sentence(voice, seconds, number)
        before = usage.cpu_s()
        videos.append(order(running.http, image, text=text))
        spent.append({stage: after - before[stage] for stage, after in usage.cpu_s().items()})
        alone_s.append(asyncio.run(direct.make(image, text)))
    took_s = [video["post_to_url_s"] for video in videos]
    middle = videos[took_s.index(statistics.median_low(took_s))]
    speech_s = middle["duration_s"]
    return {
        "size": size,
        "engine": middle["engine"],
        "speech_s": speech_s,
        "frames": middle["frames"],
        "post_to_url_s": round(middle["post_to_url_s"], 3),
        "realtime_factor": round(middle["post_to_url_s"] / speech_s, 3),
        "stages": middle["timings_s"],
        "held_s": [round(_held_s(video), 3) for video in videos],
        "cpu_s": {stage: round(statistics.median(each[stage] for each in spent), 3) for stage in spent[0]},
        "in_process_s": round(statistics.median(alone_s), 3),
        "overhead": round(statistics.median(a / b - 1 for a, b in zip(took_s, alone_s, strict=True)), 3),
    }


def _held_s(video: dict[str, Any]) -> float:
    """How long the job held its place: from its turn to its end."""
    started, finished = (datetime.fromisoformat(video[name]) for name in ("started_at", "finished_at"))
    return (finished - started).total_seconds()


def report(result: dict[str, Any]) -> str:
    """Say the result in words."""
    lines = ["size      speech   POST to URL   of real time   overhead   stages"]
    for run in result["runs"]:
        stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in run["stages"].items())
        lines.append(
            f"{run['size']:9} {run['speech_s']:5.1f} s  {run['post_to_url_s']:8.2f} s {run['realtime_factor']:12.2f}"
            f" {run['overhead']:12.0%}   {stages}"
        )
    return "\n".join(lines)
