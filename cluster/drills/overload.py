"""Orders at ten times the capacity: what is accepted completes, the rest is refused at once, memory stays flat.

The capacity is measured first, in the same run: as many videos as the queue takes, and the time they take.
"""

import argparse
import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

from cluster.drills.load import Load, go_first, percentile_ms
from cluster.drills.memory import Samples, sampled
from cluster.drills.world import Found, all_completed, client, ended
from cluster.testbed.service import LocalService, local_service

TIMES = 10
LOOKS_PER_S = 10.0
LIMIT_S = 300.0
SAMPLES = 12
LOOK_WITHIN_MS = 250.0
REFUSED_WITHIN_MS = 1000.0
GROWTH = 1.1
"""How much more memory a process may have in the last third of the time than in the middle: the first warms it up."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--seconds", type=float, default=60.0, help="how long orders arrive (default: 60)")
    parser.add_argument("--queue", type=int, default=20, help="`jobs.queue` of the service (default: 20)")


def drill(folder: Path, env: dict[str, str], *, seconds: float = 60.0, queue: int = 20) -> Found:
    """Measure the capacity, order ten times as many, let it finish, and look at what there is."""
    args = {"lipsync": {"engine": "preview"}, "jobs": {"queue": queue}}
    with local_service(folder, args=args, env=env) as service:
        return asyncio.run(_drill(service, seconds, queue))


async def _drill(service: LocalService, seconds: float, queue: int) -> Found:
    async with client(service.url) as http:
        load = Load(http, "Number {} came in a crowd.")
        capacity_per_s = await _capacity(load, http, queue)
        go_first()
        async with (
            sampled(service, seconds / SAMPLES) as memory,
            load.steady({load.order: TIMES * capacity_per_s, load.look: LOOKS_PER_S}),
        ):
            await asyncio.sleep(seconds)
        began_s = time.monotonic()
        videos = await ended(http, load.accepted, LIMIT_S)
        drained_s = time.monotonic() - began_s
    looks = max(map(len, memory.values()))
    memory = {name: samples for name, samples in memory.items() if len(samples) == looks}  # replicas come and go
    figures = {"capacity_per_s": round(capacity_per_s, 2), "seconds": seconds, "drained_s": round(drained_s, 1)}
    return Found(figures | _figures(load, memory), _lines(load, videos), _lines_in_time(load, memory))


async def _capacity(load: Load, http: Any, queue: int) -> float:
    """Videos a second, of a full queue."""
    await load.order()
    await ended(http, load.accepted, LIMIT_S)  # the first loads what the others use
    began_s = time.monotonic()
    await asyncio.gather(*(load.order() for _ in range(queue)))
    await ended(http, load.accepted, LIMIT_S)
    return (len(load.accepted) - 1) / (time.monotonic() - began_s)


def _figures(load: Load, memory: dict[str, Samples]) -> dict[str, Any]:
    orders = load.of("order")
    refused = [answer for answer in orders if answer.refused]
    return {
        "orders": len(orders),
        "accepted": sum(answer.ok for answer in orders),
        "refused": len(refused),
        "refused_p50_ms": percentile_ms(refused, 0.5),
        "refused_p99_ms": percentile_ms(refused, 0.99),
        "retry_after_s": _range([int(answer.response.headers["retry-after"]) for answer in refused if answer.response]),
        "looks": len(load.of("look")),
        "look_p50_ms": percentile_ms(load.of("look"), 0.5),
        "look_p99_ms": percentile_ms(load.of("look"), 0.99),
        "memory_mb": {name: [round(held) for held in _thirds(samples)] for name, samples in memory.items()},
    }


def _lines(load: Load, videos: list[dict[str, Any]]) -> dict[str, bool]:
    return {
        "more was ordered than is taken": any(answer.refused for answer in load.of("order")),
        "every other order was refused with 429 or 503, and Retry-After": all(
            answer.ok or answer.refused for answer in load.of("order")
        ),
        "every look was answered": all(answer.ok for answer in load.of("look")),
        "every accepted video is completed": all_completed(videos),
    }


def _lines_in_time(load: Load, memory: dict[str, Samples]) -> dict[str, bool]:
    refused = [answer for answer in load.of("order") if answer.refused]
    return {
        f"refused at once (p99 within {REFUSED_WITHIN_MS:g} ms)": percentile_ms(refused, 0.99) < REFUSED_WITHIN_MS,
        f"p99 of a look within {LOOK_WITHIN_MS:g} ms": percentile_ms(load.of("look"), 0.99) < LOOK_WITHIN_MS,
        "memory is flat": all(last <= GROWTH * middle for _, middle, last in map(_thirds, memory.values())),
    }


def _thirds(samples: Samples) -> list[float]:
    """The medians of the first, the middle and the last third."""
    held_mb, third = [held for _, held in samples], len(samples) // 3
    return [statistics.median(held_mb[first : first + third]) for first in range(0, 3 * third, third)]


def _range(numbers: list[int]) -> list[int]:
    return [min(numbers, default=0), max(numbers, default=0)]
