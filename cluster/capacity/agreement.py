"""The model, the simulation and what a real service was measured to do, side by side."""

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from cluster.capacity.plan import PERCENTILE
from cluster.capacity.queueing import Queue, Samples
from cluster.capacity.simulation import waits_s
from cluster.capacity.traces import Trace, p95_s

AGREES = 0.2
"""How far the real p95 wait may be from the model's."""

DRAWS = 40


@dataclass(frozen=True)
class Played:
    """What the records of some orders say, in seconds, in the order in which they came to the queue.

    `wait_s` is that for a place, `held_s` how long it was held, `joined_s` the clock when the wait began, and
    `since_order_s` the wait from `created_at` on.
    """

    joined_s: Samples
    wait_s: Samples
    held_s: Samples
    since_order_s: Samples

    @classmethod
    def of(cls, videos: list[dict[str, Any]]) -> "Played":
        """Raises `RuntimeError` if one of them did not complete, or was not made for this order."""
        if broken := [video for video in videos if video["status"] != "completed" or video["started_at"] is None]:
            raise RuntimeError(f"{len(broken)} of {len(videos)} videos were not made: {broken[0]}")
        names = ("created_at", "started_at", "finished_at")
        clock = np.array([[datetime.fromisoformat(video[name]).timestamp() for name in names] for video in videos])
        created_s, started_s, finished_s = clock.T
        joined_s = finished_s - np.array([video["timings_s"]["total"] for video in videos])
        held_s = finished_s - started_s
        columns = (joined_s, started_s - joined_s, held_s, started_s - created_s)
        return cls(*(column[np.argsort(joined_s)] for column in columns))

    def as_json(self) -> dict[str, list[float]]:
        """Each column."""
        return {name: column.tolist() for name, column in asdict(self).items()}

    def replay_off_s(self, places: int) -> float:
        """How far, at the median, a wait is from what arrivals and places held make of it: what else it waited for."""
        replayed_s = waits_s(self.joined_s, self.held_s, places)
        return float(np.median(np.abs(replayed_s - self.wait_s)))


@dataclass(frozen=True)
class Compared:
    """One load: asked, and as it was; p95 waits in seconds, and how far the real one is from model and simulation."""

    load_asked: float
    load: float
    jobs: int
    seed: int
    trace_off: float
    mean_held_s: float
    variation: float
    model_before_s: float
    model_s: float
    simulation_s: float
    real_s: float
    real_since_order_s: float
    replay_off_s: float
    real_by_model: float
    real_by_simulation: float

    @property
    def agrees(self) -> bool:
        """Whether the real p95 wait is within the limit of the model's."""
        return abs(self.real_by_model) <= AGREES


def compare(load: float, places: int, before_s: Samples, trace: Trace, played: Played) -> Compared:
    """The waits of a played trace beside the model's and the simulation's. `before_s` are places held before it.

    A service so slow that the queue would have grown for ever has a model's wait of infinity, and does not agree.
    """
    held_s, count = played.held_s, trace.arrivals_s.size
    as_it_was = count / trace.seconds * float(held_s.mean()) / places
    model_s = _model_s(places, as_it_was, held_s)
    simulation_s = p95_s(trace.arrivals_s, held_s, places, PERCENTILE, DRAWS)
    real_s = float(np.quantile(played.wait_s, PERCENTILE))
    return Compared(
        load_asked=load,
        load=as_it_was,
        jobs=count,
        seed=trace.seed,
        trace_off=trace.off,
        mean_held_s=float(held_s.mean()),
        variation=float(held_s.var() / held_s.mean() ** 2),
        model_before_s=_model_s(places, load, before_s),
        model_s=model_s,
        simulation_s=simulation_s,
        real_s=real_s,
        real_since_order_s=float(np.quantile(played.since_order_s, PERCENTILE)),
        replay_off_s=played.replay_off_s(places),
        real_by_model=_by(real_s, model_s),
        real_by_simulation=_by(real_s, simulation_s),
    )


def _model_s(places: int, load: float, held_s: Samples) -> float:
    return Queue(places, load, held_s).wait_s(PERCENTILE) if load < 1 else math.inf


def _by(real_s: float, expected_s: float) -> float:
    """How far it is off; infinitely, where nobody was expected to wait."""
    return real_s / expected_s - 1 if expected_s else math.inf


def as_json(found: list[Compared]) -> dict[str, Any]:
    """The rows, and whether all agree; null for what is infinite."""
    rows = [asdict(row) | {"agrees": row.agrees} for row in found]
    finite = [{name: value if math.isfinite(value) else None for name, value in row.items()} for row in rows]
    return {"rows": finite, "agree": all(row.agrees for row in found)}


def as_text(found: list[Compared]) -> str:
    """The rows as a table in Markdown."""
    head = (
        "| load asked | as it was | jobs | held, mean | variation | model, before | model | simulation | real |"
        " real by model | by simulation | from the order on | replay off |"
    )
    verdict = "agree" if all(row.agrees for row in found) else "do NOT agree"
    rows = map(as_row, found)
    return "\n".join([head, "|---" * 13 + "|", *rows, f"Model and real run {verdict} within {AGREES:.0%}."])


def as_row(row: Compared) -> str:
    """One load as a row of that table."""
    return (
        f"| {row.load_asked:.0%} | {row.load:.1%} | {row.jobs} | {row.mean_held_s:.3f} s | {row.variation:.3f} |"
        f" {row.model_before_s:.2f} s | {row.model_s:.2f} s | {row.simulation_s:.2f} s | {row.real_s:.2f} s |"
        f" {row.real_by_model:+.1%} | {row.real_by_simulation:+.1%} | {row.real_since_order_s:.2f} s |"
        f" {1000 * row.replay_off_s:.0f} ms |"
    )
