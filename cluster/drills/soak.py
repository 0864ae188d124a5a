"""Most of what it can do, for a long time: no error, no memory that grows, answers as quick at the end as before.

The capacity is measured first, in the same run. Then new videos are ordered at a share of it, each of a number that
nobody has ordered, while one that is made is asked for again and again.
"""

import argparse
import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import httpx

from cluster.drills.load import Answer, Load, go_first, percentile_ms
from cluster.drills.memory import Samples, sampled
from cluster.drills.world import Found, all_completed, client, ended, order
from cluster.testbed.service import LocalService, local_service

AGAIN = "Said again and again."
AGAIN_PER_S = 5.0
AT_ONCE = 4
"""Orders under way while the capacity is measured, each followed by another as it ends: `jobs.running`."""
ORDERED_WITHIN_S = 60
LIMIT_S = 300.0
SAMPLES = 120
GROWTH_MB_PER_MIN = 1.0
SLOWER = 1.25
"""How much longer the p99 of the last third may be than that of the middle one: of 2,000 answers each, 20 are beyond
it, and chance alone moves it by a tenth."""


class Soak(Load):
    """New videos, and one that is made already."""

    async def new(self) -> httpx.Response:
        """Order a new video, and wait for its end."""
        return await order(self._http, self._text.format(next(self._numbers)), ORDERED_WITHIN_S)

    async def again(self) -> httpx.Response:
        """Order what is made."""
        return await order(self._http, AGAIN, ORDERED_WITHIN_S)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (default: 20)")
    parser.add_argument("--load", type=float, default=0.8, help="share of the capacity (default: 0.8)")


def drill(folder: Path, env: dict[str, str], *, minutes: float = 20.0, load: float = 0.8) -> Found:
    """Measure the capacity, order that share of it for so long, let it finish, and look at what there is."""
    with local_service(folder, args={"lipsync": {"engine": "preview"}}, env=env) as service:
        return asyncio.run(soak(service, minutes, load))


async def soak(service: LocalService, minutes: float, share: float) -> Found:
    """The drill on a service that is running already, and has nothing else to do."""
    async with client(service.url) as http:
        load = Soak(http, "Number {} came and stayed.")
        await asyncio.gather(load.new(), load.again())  # loads what the others use
        go_first()
        capacity_per_s = await _capacity(load, 3 * minutes)
        rates = {load.order: share * capacity_per_s, load.again: AGAIN_PER_S}
        began_s = time.monotonic()
        async with sampled(service, 60 * minutes / SAMPLES) as memory, load.steady(rates):
            await asyncio.sleep(60 * minutes)
        ended_s = time.monotonic()
        videos = await ended(http, load.accepted, LIMIT_S)
    thirds = _thirds(load.of("again"), began_s, 60 * minutes)
    figures = {"capacity_per_s": round(capacity_per_s, 2), "share": share, "minutes": minutes}
    figures["left_at_the_end_s"] = round(time.monotonic() - ended_s, 1)
    return Found(figures | _figures(load, thirds, memory), _lines(load, videos), _lines_in_time(thirds, memory))


async def _capacity(load: Soak, seconds: float) -> float:
    """Videos a second, while so many are always in work."""
    began_s = time.monotonic()

    async def one_after_the_other() -> int:
        done = 0
        while time.monotonic() < began_s + seconds:
            done += (await load.new()).status_code == httpx.codes.OK
        return done

    done = await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    return sum(done) / (time.monotonic() - began_s)


def slopes(memory: dict[str, Samples]) -> dict[str, float]:
    """By process, the MB that it gains in a minute: least squares, after a first quarter that warms it up.

    Those that came so late or went so early that less than a quarter of the longest life is left are passed over.
    """
    warm = {name: samples[len(samples) // 4 :] for name, samples in memory.items()}
    most = max(map(len, memory.values()), default=0)
    known = {name: samples for name, samples in warm.items() if len(samples) >= max(2, most / 4)}
    return {name: _slope(samples) for name, samples in known.items()}


def _slope(samples: Samples) -> float:
    minutes, held_mb = zip(*samples, strict=True)
    return round(statistics.linear_regression(minutes, held_mb).slope, 2)


def _thirds(answers: list[Answer], began_s: float, seconds: float) -> list[list[Answer]]:
    """The answers to what was asked in the first, the middle and the last third of the time."""
    third_s = seconds / 3
    thirds: list[list[Answer]] = [[], [], []]
    for answer in answers:
        thirds[min(2, int((answer.began_s - began_s) / third_s))].append(answer)
    return thirds


def _figures(load: Soak, thirds: list[list[Answer]], memory: dict[str, Samples]) -> dict[str, Any]:
    return {
        "new": len(load.of("order")),
        "again": len(load.of("again")),
        "again_p50_ms_by_thirds": [percentile_ms(third, 0.5) for third in thirds],
        "again_p99_ms_by_thirds": [percentile_ms(third, 0.99) for third in thirds],
        "memory_mb_first_and_last": {
            name: [round(samples[0][1]), round(samples[-1][1])] for name, samples in memory.items()
        },
        "memory_mb_per_min": slopes(memory),
    }


def _lines(load: Soak, videos: list[dict[str, Any]]) -> dict[str, bool]:
    return {
        "every new order was accepted": bool(videos) and all(answer.ok for answer in load.of("order")),
        "every other was answered with what is made": bool(load.of("again"))
        and all(_is_made(answer) for answer in load.of("again")),
        "every accepted video is completed": all_completed(videos),
    }


def _is_made(answer: Answer) -> bool:
    return (
        answer.response is not None and answer.response.status_code == 200 and answer.response.json()["cache"] == "hit"
    )


def _lines_in_time(thirds: list[list[Answer]], memory: dict[str, Samples]) -> dict[str, bool]:
    _, middle, last = (percentile_ms(third, 0.99) for third in thirds)
    growing = slopes(memory)
    return {
        f"no process gains {GROWTH_MB_PER_MIN:g} MB a minute": bool(growing)
        and max(growing.values()) < GROWTH_MB_PER_MIN,
        f"the p99 of what is made stays within {SLOWER:g} times": last <= SLOWER * middle,
    }
