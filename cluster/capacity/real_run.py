"""The model, the simulation and a real service side by side: the p95 wait for a place at several loads.

A service of its own runs on this machine with the preview engine, as a lip-sync device of a steady speed or as fast as
this machine is, and `places` places. At each load, some orders are played to measure how long a video holds its place
*at that load*; with these times a representative trace of Poisson arrivals is chosen (`traces`), and played. Every
order is another text of two words, so none is a cache hit, and nobody asks how they are while orders come: the records
tell. From a record, a video came to the queue at `finished_at` less the total of its timings, and its turn came at
`started_at`; before the queue it is stored, which the wait leaves out and the wait from `created_at` does not.

The model and the simulation are given the places held in that very run, since a service is not equally fast at all
loads: it is the queue that is checked. What the model said before, from the times measured beforehand, is printed, too.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from cluster.capacity.agreement import Compared, Played, as_row, compare
from cluster.capacity.queueing import Samples
from cluster.capacity.simulation import poisson_arrivals_s
from cluster.capacity.traces import Trace, representative
from cluster.drills.load import go_first
from cluster.drills.world import client, ended, order
from cluster.testbed import steady
from cluster.testbed.service import local_service

LIMIT_S = 1800.0
ALONE = 12
"""Orders one after the other at first: they warm the service up, the last half is measured."""

WORDS = (
    *("red", "blue", "green", "white", "black", "gold", "grey", "pink", "big", "small", "old", "new", "fast", "slow"),
    *("warm", "cold", "soft", "hard", "light", "dark", "loud", "thin", "round", "flat", "fox", "dog", "cat", "bird"),
    *("fish", "horse", "sheep", "cow", "bear", "wolf", "tree", "leaf", "rose", "stone", "hill", "lake", "road"),
    *("bridge", "house", "door", "lamp", "chair", "bread", "milk", "salt", "fruit", "boat", "train", "coat", "hat"),
    *("shoe", "ring", "clock", "book", "pen", "card", "ball", "drum", "bell", "song"),
)


def check(
    folder: Path,
    loads: list[float],
    jobs: int,
    before: int,
    places: int,
    *,
    device_frames_per_s: float = 0.0,
    records: Path | None = None,
) -> list[Compared]:
    """Run the service and compare at each load: `jobs` orders, after `before` that measure how long they take.

    The lip-sync device makes so many frames a second, or, at 0, as many as this machine does. `records` is a file to
    which each load appends what was played, as a line of JSON.
    """
    args: dict[str, Any] = {"lipsync": {"engine": "preview"}}
    args["jobs"] = {"running": places, "queue": 10 * (jobs + before)}
    if device_frames_per_s:
        args["device_frames_per_s"] = device_frames_per_s
    import_path = steady.APPLICATION if device_frames_per_s else None
    with local_service(folder, args=args, import_path=import_path) as service:
        return asyncio.run(compared(service.url, loads, jobs, before, places, records))


async def compared(
    url: str, loads: list[float], jobs: int, before: int, places: int, records: Path | None = None
) -> list[Compared]:
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
            played = await play(http, texts, trace)
            if records:
                with records.open("a") as lines:
                    print(json.dumps({"load": load} | played.as_json()), file=lines)
            found.append(compare(load, places, held_s, trace, played))
            print(as_row(found[-1]), file=sys.stderr, flush=True)
        return found


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
