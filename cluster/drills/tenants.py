"""One tenant orders all that its key takes, without end: another's videos take about as long as when it is alone.

The capacity is measured first, in the same run: the one tenant asks for a share of it that is less than its due, half.
Every order is a new video of the same text, so that all are the same work: only their `seed` differs.
"""

import argparse
import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from cluster.drills.load import Answer, Load, go_first, percentile_ms
from cluster.drills.world import Found, all_completed, client, ended, order
from cluster.testbed.service import local_service

TEXT = "Welcome to the museum. I was painted four hundred years ago, and I have waited for you ever since."
"""Six seconds."""
TIMES = 1.5
"""How much longer the 95th percentile of the one tenant's videos may be while the other floods."""
QUIET, FLOODING = "quiet", "flooding"
ENV = {f"KEY_OF_{name.upper()}": name for name in (QUIET, FLOODING)}
"""The variables that hold their keys, which are their names."""
FLOOD_PER_S = 5.0
"""Five times what two cores make."""
SHARE = 0.25
AT_ONCE = 8
"""Orders that measure the capacity."""
REQUESTS_PER_MINUTE = 100_000
"""Of each key: it is the videos in work that are bounded here."""
DONE_WITHIN_S = 60
LIMIT_S = 300.0


class Tenant(Load):
    """Orders by a key of its own."""

    def __init__(self, http: httpx.AsyncClient, text: str, first_seed: int) -> None:
        super().__init__(http, text)
        self._seeds = itertools.count(first_seed)

    async def order(self) -> httpx.Response:
        """Order a new video."""
        return await self._order(0)

    async def whole(self) -> httpx.Response:
        """Order a new video, and wait for its end."""
        return await self._order(DONE_WITHIN_S)

    async def videos(self) -> list[dict[str, Any]]:
        """Those that were accepted, when all have ended."""
        return await ended(self._http, self.accepted, LIMIT_S)

    async def capacity_per_s(self) -> float:
        """Videos that are made in a second, of several that are ordered at once."""
        began_s = time.monotonic()
        answers = await asyncio.gather(*(self.whole() for _ in range(AT_ONCE)))
        return sum(answer.is_success for answer in answers) / (time.monotonic() - began_s)

    async def even(self, orders: int, every_s: float) -> list[Answer]:
        """Order so many at an even rate; the answers come when they are made."""
        before = len(self.answers)
        async with self.steady({self.whole: 1 / every_s}):
            await asyncio.sleep((orders - 0.5) * every_s)
        return self.answers[before:]

    async def _order(self, wait_s: int) -> httpx.Response:
        response = await order(self._http, self._text, wait_s, seed=next(self._seeds))
        if response.is_success:
            self.accepted.append(response.json()["id"])
        return response


class Course(NamedTuple):
    """What became of the quiet tenant's orders, one `every_s`, without the flood and in it, and of the flood.

    `flood_per_s` is how many of both tenants' videos were completed in a second of it.
    """

    capacity_per_s: float
    every_s: float
    alone: list[Answer]
    flooded: list[Answer]
    flood: list[Answer]
    flood_per_s: float
    videos: list[dict[str, Any]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--text", default=TEXT, help="what every video says (default: %(default)s)")
    parser.add_argument("--orders", type=int, default=60, help="of the quiet tenant, alone and flooded (default: 60)")
    parser.add_argument("--share", type=float, default=SHARE, help="of the capacity, that it asks for (default: 0.25)")
    parser.add_argument("--jobs", type=int, default=10, help="`concurrent_jobs` of each key (default: 10)")
    parser.add_argument("--running", type=int, default=4, help="`jobs.running` of the service (default: 4)")


def drill(
    folder: Path,
    env: dict[str, str],
    *,
    text: str = TEXT,
    orders: int = 60,
    share: float = SHARE,
    jobs: int = 10,
    running: int = 4,
) -> Found:
    """Flood a service of its own."""
    args = {"lipsync": {"engine": "preview"}, "access": {"keys": keys(jobs)}, "jobs": {"running": running}}
    with local_service(folder, args=args, env=env | ENV | {"SIGNING_SECRET": "of a drill " * 4}) as service:
        return asyncio.run(flood(service.url, text, orders, share))


def keys(jobs: int) -> list[dict[str, Any]]:
    """What a service's `access` has for both tenants, each with so many `concurrent_jobs`."""
    return [
        {"name": name, "env": variable, "concurrent_jobs": jobs, "requests_per_minute": REQUESTS_PER_MINUTE}
        for variable, name in ENV.items()
    ]


async def flood(url: str, text: str, orders: int, share: float) -> Found:
    """Measure one tenant alone, while the other floods, and alone again; let all finish, and look at what there is."""
    course = await _course(url, text, orders, share)
    return Found(_figures(course), _lines(course), _lines_in_time(course))


async def _course(url: str, text: str, orders: int, share: float) -> Course:
    async with _tenant(url, QUIET, text, 0) as quiet, _tenant(url, FLOODING, text, 10**6) as flooding:
        await quiet.whole()  # loads what the others use
        go_first()
        capacity_per_s = await quiet.capacity_per_s()
        every_s = 1 / (share * capacity_per_s)
        alone = await quiet.even(orders // 2, every_s)
        async with flooding.steady({flooding.order: FLOOD_PER_S}):
            await _refused(flooding)
            began_s = time.time()
            flooded = await quiet.even(orders, every_s)
            ended_s = time.time()
        flood_videos = await flooding.videos()
        alone += await quiet.even(orders - orders // 2, every_s)  # a machine that drifts is as fast in both, on average
        videos = [*await quiet.videos(), *flood_videos]
    done_s = [datetime.fromisoformat(video["finished_at"]).timestamp() for video in videos if video["finished_at"]]
    per_s = sum(began_s <= at_s < ended_s for at_s in done_s) / (ended_s - began_s)
    return Course(capacity_per_s, every_s, alone, flooded, flooding.answers, per_s, videos)


@contextlib.asynccontextmanager
async def _tenant(url: str, name: str, text: str, first_seed: int) -> AsyncIterator[Tenant]:
    async with client(url) as http:
        http.headers["authorization"] = f"Bearer {name}"
        yield Tenant(http, text, first_seed)


async def _refused(tenant: Tenant) -> None:
    """Wait until one of its orders is."""
    deadline_s = time.monotonic() + DONE_WITHIN_S
    while not any(answer.refused for answer in tenant.answers) and time.monotonic() < deadline_s:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


def _figures(course: Course) -> dict[str, Any]:
    alone, flooded = (
        [percentile_ms(answers, share) for share in (0.5, 0.95)] for answers in (course.alone, course.flooded)
    )
    return {
        "capacity_per_s": round(course.capacity_per_s, 2),
        "every_s": round(course.every_s, 2),
        "orders": [len(course.alone), len(course.flooded)],
        "alone_p50_p95_ms": alone,
        "flooded_p50_p95_ms": flooded,
        "times_at_p95": round(flooded[1] / max(alone[1], 1), 2),
        "alone_stages_p50_ms": _stages_p50_ms(course.alone),
        "flooded_stages_p50_ms": _stages_p50_ms(course.flooded),
        "flood_ordered": len(course.flood),
        "flood_accepted": sum(answer.ok for answer in course.flood),
        "both_completed_per_s": round(course.flood_per_s, 2),
    }


def _stages_p50_ms(answers: list[Answer]) -> dict[str, int]:
    """How long each stage of the videos took, by its name in `timings_s`."""
    made = [answer.response.json()["timings_s"] for answer in answers if answer.response and _completed(answer)]
    return {name: round(1000 * statistics.median(timings[name] for timings in made)) for name in made[0]}


def _lines(course: Course) -> dict[str, bool]:
    return {
        "every order of the quiet tenant was completed": all(map(_completed, course.alone + course.flooded)),
        "the flood was taken up to its key's limit, and refused beyond it": any(answer.ok for answer in course.flood)
        and all(answer.ok or _too_many(answer) for answer in course.flood)
        and any(map(_too_many, course.flood)),
        "every accepted video is completed": all_completed(course.videos),
    }


def _completed(answer: Answer) -> bool:
    return answer.response is not None and answer.response.status_code == httpx.codes.OK


def _too_many(answer: Answer) -> bool:
    """Whether it is refused because the key has as many in work as it may."""
    response = answer.response
    return response is not None and answer.refused and response.json()["code"] == "too_many_jobs"


def _lines_in_time(course: Course) -> dict[str, bool]:
    alone_ms, flooded_ms = percentile_ms(course.alone, 0.95), percentile_ms(course.flooded, 0.95)
    return {f"the quiet tenant's p95 stays within {TIMES:g} times": flooded_ms <= TIMES * alone_ms}
