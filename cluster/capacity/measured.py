"""What `scripts/bench pipeline --json` measured, as lines over the length of the speech."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from cluster.capacity.queueing import Samples

STAGES = ("ingress", "jobs", "storage", "speech", "faces", "lipsync", "video")


@dataclass(frozen=True)
class Line:
    """`fixed` seconds a video, and `per_speech_s` more for each second of speech."""

    fixed: float
    per_speech_s: float

    def at(self, speech_s: float) -> float:
        """Seconds for a video of so much speech."""
        return self.fixed + self.per_speech_s * speech_s

    @classmethod
    def through(cls, speech_s: list[float], seconds: list[float]) -> "Line":
        """The line with neither part below 0 whose relative errors have the smallest squares (Lawson, Hanson, 1974)."""
        weights = 1 / np.maximum(seconds, 1e-3)
        given = np.stack([np.ones(len(speech_s)), np.array(speech_s)], axis=1)
        fixed, slope = nnls(given * weights[:, None], np.array(seconds) * weights)[0]
        return cls(float(fixed), float(slope))


@dataclass(frozen=True)
class Times:
    """A benchmark of one size of video.

    `held_s` is how long a job holds its place, one alone at a time, `spread` each measured one over that line.
    `generate_s` and `encode_s` are the parts of it that run side by side, in wall-clock seconds; `cpu_s` the
    CPU-seconds of each stage, and `memory_mb` what a replica of it has for itself. `gpu` is None where there was none.
    """

    size: str
    engine: str
    fps: float
    held_s: Line
    spread: Samples
    generate_s: Line
    encode_s: Line
    cpu_s: dict[str, Line]
    memory_mb: dict[str, float]
    cpu: str
    cores: int
    gpu: str | None

    def gpu_frames_per_s(self) -> float | None:
        """Frames that the measured GPU makes in a second, for one video at a time; None where there was none."""
        return self.fps / self.generate_s.per_speech_s if self.gpu and self.generate_s.per_speech_s else None

    @classmethod
    def read(cls, path: Path, size: str | None = None) -> "Times":
        """The runs of that size, by default of the file's first. Raises `ValueError` that says what is missing."""
        try:
            bench = json.loads(path.read_text())["pipeline"]
            size = size or str(bench["runs"][0]["size"])
            return cls._of(bench, [run for run in bench["runs"] if run["size"] == size], size)
        except (KeyError, IndexError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is not what `scripts/bench pipeline --json` writes: {error!r}") from error

    @classmethod
    def _of(cls, bench: dict[str, Any], runs: list[dict[str, Any]], size: str) -> "Times":
        lengths = [float(run["speech_s"]) for run in runs]
        if len(set(lengths)) < 2:
            raise ValueError(f"{size}: videos of two lengths at least are needed, there are {len(set(lengths))}")

        def line(of: Callable[[dict[str, Any]], float]) -> Line:
            return Line.through(lengths, [of(run) for run in runs])

        held = line(lambda run: float(np.mean(run["held_s"])))
        machine = bench["machine"]
        return cls(
            size=size,
            engine=runs[0]["engine"],
            fps=sum(run["frames"] for run in runs) / sum(lengths),
            held_s=held,
            spread=np.array([s / held.at(run["speech_s"]) for run in runs for s in run["held_s"]]),
            generate_s=line(lambda run: run["stages"]["generate"]),
            encode_s=line(lambda run: run["stages"]["encode"]),
            cpu_s={stage: line(lambda run, stage=stage: run["cpu_s"][stage]) for stage in STAGES},  # type: ignore[misc]
            memory_mb=bench["memory_mb"],
            cpu=machine["cpu"],
            cores=machine["cores"],
            gpu=machine["gpu"],
        )
