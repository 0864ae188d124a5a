"""The model, the simulation and a real service side by side: the p95 wait for a place at several loads.

A service of its own runs on this machine with the preview engine and `places` places. At each load, some orders are
played to measure how long a video holds its place *at that load*; with these times a representative trace of Poisson
arrivals is chosen (`traces`), and played. Every order is another text of two words, so none is a cache hit, and nobody
asks how they are while orders come: the records tell. From a record, a video came to the queue at
`finished_at` less the total of its timings, and its turn came at `started_at`; before the queue it is stored, which the
wait leaves out and the wait from `created_at` does not.

The model and the simulation are given the places held in that very run, since a service is not equally fast at all
loads: it is the queue that is checked. What the model said before, from the times measured beforehand, is printed, too.
"""

import asyncio
import itertools
import math
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from cluster.capacity.plan import PERCENTILE
from cluster.capacity.queueing import Queue, Samples
from cluster.capacity.simulation import poisson_arrivals_s, waits_s
from cluster.capacity.traces import Trace, p95_s, representative
from cluster.drills.load import go_first
from cluster.drills.world import client, ended, order
from cluster.testbed.service import local_service

AGREES = 0.2
"""How far the real p95 wait may be from the model's."""

LIMIT_S = 1800.0
ALONE = 12
"""Orders one after the other at first: they warm the service up, the last half is measured."""

DRAWS = 40

WORDS = (
    *("red", "blue", "green", "white", "black", "gold", "grey", "pink", "big", "small", "old", "new", "fast", "slow"),
    *("warm", "cold", "soft", "hard", "light", "dark", "loud", "thin", "round", "flat", "fox", "dog", "cat", "bird"),
    *("fish", "horse", "sheep", "cow", "bear", "wolf", "tree", "leaf", "rose", "stone", "hill", "lake", "road"),
    *("bridge", "house", "door", "lamp", "chair", "bread", "milk", "salt", "fruit", "boat", "train", "coat", "hat"),
    *("shoe", "ring", "clock", "book", "pen", "card", "ball", "drum", "bell", "song"),
)


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


def check(folder: Path, loads: list[float], jobs: int, before: int, places: int) -> list[Compared]:
    """Run the service and compare at each load: `jobs` orders, after `before` that measure how long they take."""
    args = {"lipsync": {"engine": "preview"}, "jobs": {"running": places, "queue": 10 * (jobs + before)}}
    with local_service(folder, args=args) as service:
        return asyncio.run(compared(service.url, loads, jobs, before, places))


async def compared(url: str, loads: list[float], jobs: int, before: int, places: int) -> list[Compared]:
    """The same with a running service that has so many places."""
    texts = distinct_texts()
    async with client(url) as http:
        held_s = await _alone_s(http, texts)
        go_first()
        found = []
        for load in loads:
            tried = await play(http, texts, _any_trace(held_s, places, load, before))
            held_s = tried.held_s
            trace = representative(held_s, places, load, jobs)
            found.append(compare(load, places, held_s, trace, await play(http, texts, trace)))
            print(_row(found[-1]), file=sys.stderr, flush=True)
        return found


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


async def play(http: httpx.AsyncClient, texts: Iterator[str], trace: Trace) -> Played:
    """Order a video at each of its times, whatever became of those before; wait for the last, and read the records."""
    began_s = time.monotonic()
    ordered = [_order_at(http, next(texts), began_s + at_s) for at_s in trace.arrivals_s.tolist()]
    video_ids = await asyncio.gather(*ordered)
    for last in (video_ids[-1:], video_ids):
        videos = await ended(http, last, LIMIT_S)
    return Played.of(videos)


async def _order_at(http: httpx.AsyncClient, text: str, at_s: float) -> str:
    await asyncio.sleep(at_s - time.monotonic())
    response = await order(http, text)
    response.raise_for_status()
    return str(response.json()["id"])


async def _alone_s(http: httpx.AsyncClient, texts: Iterator[str]) -> Samples:
    """Places held by orders one after the other."""
    videos = []
    for text in itertools.islice(texts, ALONE):
        videos += await ended(http, [(await order(http, text)).json()["id"]], LIMIT_S)
    return Played.of(videos[ALONE // 2 :]).held_s


def _any_trace(held_s: Samples, places: int, load: float, count: int) -> Trace:
    seconds = count * float(held_s.mean()) / (places * load)
    return Trace(0, poisson_arrivals_s(np.random.default_rng(0), count, seconds), seconds, np.nan)


def distinct_texts() -> Iterator[str]:
    """About a second of speech each, in an order that does not depend on how far one gets."""
    pairs = [f"{first} {second}.".capitalize() for first, second in itertools.permutations(WORDS, 2)]
    random.Random(7).shuffle(pairs)  # noqa: S311 - no secret
    return iter(pairs)


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
    rows = map(_row, found)
    return "\n".join([head, "|---" * 13 + "|", *rows, f"Model and real run {verdict} within {AGREES:.0%}."])


def _row(row: Compared) -> str:
    return (
        f"| {row.load_asked:.0%} | {row.load:.1%} | {row.jobs} | {row.mean_held_s:.3f} s | {row.variation:.3f} |"
        f" {row.model_before_s:.2f} s | {row.model_s:.2f} s | {row.simulation_s:.2f} s | {row.real_s:.2f} s |"
        f" {row.real_by_model:+.1%} | {row.real_by_simulation:+.1%} | {row.real_since_order_s:.2f} s |"
        f" {1000 * row.replay_off_s:.0f} ms |"
    )
