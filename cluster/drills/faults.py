"""Kills each part many times under steady load: nothing accepted is lost or done twice; tells how long each was away.

A cluster of a head and two nodes on this machine, its videos in a real S3 server. The recovery is the time from the
fault until all is as before: every part runs again, `/readyz` says so, and a video that was ordered after the fault is
completed. Each round is a line on standard error as soon as it is over.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx

from cluster.drills.load import Load, slowest_s
from cluster.drills.site import COMPLETED, Cluster, Site
from cluster.drills.strikes import FAULTS, Strike
from cluster.drills.world import (
    Found,
    client,
    contents_of,
    ended,
    listed,
    nothing_owed,
    order,
    records_in,
    wait_until,
    written_at,
)
from cluster.testbed.s3 import s3_server
from cluster.testbed.webhooks import webhook_receiver

T = TypeVar("T")

PER_S = {"order": 0.5, "look": 4.0, "again": 1.0}
BEFORE_S = 2.0
UNDER_WAY = 2
"""Orders besides, up to AT_MOST_S before each fault: less than a video takes."""
AT_MOST_S = 0.5
LOOK_AGAIN_AFTER_S = 0.2
ANSWER_WITHIN_S = 10.0
RECOVERED_WITHIN_S = 180.0
ENDED_WITHIN_S = 120.0


class Round(NamedTuple):
    """One fault: seconds until all was as before (None: not in time), and what became of what was asked meanwhile.

    `running_s` is when every part ran again, `served_s` when a video that was ordered after the fault was completed.
    `lost` are accepted videos that did not complete, `begun_again` stages of them that were done more than once.
    """

    fault: str
    what: str
    door: bool
    recovery_s: float | None
    running_s: float | None
    served_s: float | None
    accepted: int
    in_flight: int
    begun_again: int
    lost: int
    refused: int
    broken: int
    other: dict[str, int]
    slowest_s: float


class Traffic(Load):
    """New videos whose ends are told, looks at them, and one that is made already."""

    def __init__(self, http: httpx.AsyncClient, text: str, webhook: str | None) -> None:
        super().__init__(http, text)
        self._webhook = webhook

    async def order(self) -> httpx.Response:
        """Order a video that nobody has ordered before."""
        return await self._new(next(self._numbers))

    async def probe(self) -> httpx.Response:
        """Order another one, the same each time."""
        return await self._new("after the fault")

    async def _new(self, which: object) -> httpx.Response:
        told: dict[str, Any] = {"webhook": self._webhook} if self._webhook else {}
        response = await order(self._http, self._text.format(which), **told)
        if response.is_success:
            self.accepted.append(response.json()["id"])
        return response

    async def again(self) -> httpx.Response:
        """Order what is made."""
        return await order(self._http, "The same for everybody.")

    async def made(self) -> None:
        """Make what is asked for again and again."""
        await order(self._http, "The same for everybody.", wait_s=60)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--fault", nargs="+", choices=FAULTS, default=list(FAULTS), help="(default: all)")
    parser.add_argument("--times", type=int, default=10, help="how often each (default: 10)")
    parser.add_argument("--seed", type=int, default=7, help="of the moments (default: 7)")


def drill(folder: Path, env: dict[str, str], *, fault: Iterable[str] = FAULTS, times: int = 10, seed: int = 7) -> Found:
    """Start a cluster, do each fault so often to it, let it finish, and look at what there is."""
    with s3_server() as s3, webhook_receiver() as receiver:
        site = Cluster(folder, env, s3, receiver)
        try:
            return asyncio.run(strike(site, fault, times, seed))
        finally:
            site.stop()


async def strike(site: Site, faults: Iterable[str], times: int, seed: int = 7) -> Found:
    """The drill on what runs already."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    rounds: list[Round] = []
    site.settle()
    async with client(site.installation.url) as http:
        for name, number in ((name, number) for name in faults for number in range(times)):
            rounds.append(await _round(site, http, name, number, rng))
            print(json.dumps(rounds[-1]._asdict()), file=sys.stderr, flush=True)
        videos, names = await ended(http, site.accepted, ENDED_WITHIN_S), await listed(http)
    return Found(_figures(site, rounds), _lines_of(rounds) | _lines(site, videos, names), {})


async def _round(site: Site, http: httpx.AsyncClient, name: str, number: int, rng: random.Random) -> Round:
    """Do it once, under load; return when all that was accepted has ended."""
    load = Traffic(http, f"{name} {number}, order {{}}.", site.receiver.url if site.receiver else None)
    before = await asyncio.to_thread(site.begun_again)
    await load.made()
    await load.order()
    async with load.steady({getattr(load, ask): rate for ask, rate in PER_S.items()}):
        struck, in_flight = await _aimed(site, load, name, number, rng)
        running_s, served_s = await _recovered(site, load, struck)
    site.accepted += load.accepted
    videos = await ended(http, load.accepted, ENDED_WITHIN_S)
    await asyncio.to_thread(wait_until, nothing_owed, site.store, within_s=ENDED_WITHIN_S)
    completed = [video["id"] for video in videos if video["status"] == "completed"]
    await asyncio.to_thread(site.note, completed)
    return Round(
        fault=name,
        what=struck.what,
        door=struck.door,
        recovery_s=None if running_s is None or served_s is None else max(running_s, served_s),
        running_s=running_s,
        served_s=served_s,
        accepted=len(load.accepted),
        in_flight=in_flight,
        begun_again=await asyncio.to_thread(site.begun_again) - before,
        lost=len(videos) - len(completed),
        **_answers(load),
    )


async def _aimed(site: Site, load: Traffic, name: str, number: int, rng: random.Random) -> tuple[Strike, int]:
    """Choose what is hit, and wait for the moment; return how many accepted videos have not ended then."""
    await asyncio.sleep(BEFORE_S)
    struck = await asyncio.to_thread(FAULTS[name], site, number)
    await asyncio.to_thread(site.note, set(site.told()) & set(load.accepted))
    await asyncio.gather(*(load.order() for _ in range(UNDER_WAY)))
    await asyncio.sleep(rng.random() * AT_MOST_S)
    return struck, len(await asyncio.to_thread(site.store.list, "pending/"))


async def _recovered(site: Site, load: Traffic, struck: Strike) -> tuple[float | None, float | None]:
    """Hit, and return the seconds until every part runs again, and until a video ordered after it is completed."""
    began_s = time.monotonic()
    await asyncio.to_thread(struck.hit)

    async def measured(*steps: Callable[[], Any]) -> float | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RECOVERED_WITHIN_S):
                for step in steps:
                    await step()
                return round(time.monotonic() - began_s, 2)
        return None

    replace = functools.partial(asyncio.to_thread, struck.replace)
    back = functools.partial(_running, site, struck.gone)
    return await asyncio.gather(measured(replace, back), measured(functools.partial(_served, load)))


async def _running(site: Site, gone: frozenset[int]) -> None:
    """Look until every part runs."""
    await _until(lambda: asyncio.to_thread(site.whole, gone))


async def _served(load: Traffic) -> None:
    """Order until it is accepted, and look until it is completed."""
    video = await _until(lambda: _asked(load.probe()))

    async def completed() -> bool:
        return (await _asked(load.get(f"/v1/videos/{video['id']}"))).get("status") == "completed"

    await _until(completed)


async def _until(look: Callable[[], Awaitable[T]]) -> T:
    """Look again and again; return what is seen at last."""
    while True:
        if seen := await look():
            return seen
        await asyncio.sleep(LOOK_AGAIN_AFTER_S)


async def _asked(request: Awaitable[httpx.Response]) -> dict[str, Any]:
    """The answer's content, if it is a success; otherwise nothing."""
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        response = await asyncio.wait_for(request, ANSWER_WITHIN_S)
        return dict(response.json()) if response.is_success else {}
    return {}


def _answers(load: Load) -> dict[str, Any]:
    """What was answered: refusals that say when to ask again, broken connections, other errors by their status."""
    others = (answer.response for answer in load.answers if not (answer.ok or answer.refused))
    return {
        "refused": sum(answer.refused for answer in load.answers),
        "broken": sum(answer.response is None for answer in load.answers),
        "other": dict(Counter(str(response.status_code) for response in others if response is not None)),
        "slowest_s": slowest_s(load.answers),
    }


def _figures(site: Site, rounds: list[Round]) -> dict[str, Any]:
    faults = dict.fromkeys(each.fault for each in rounds)
    completed = Counter(match[1] for line in site.logged() if (match := COMPLETED.search(line)))
    own = Counter(completed[video_id] for video_id in site.accepted if video_id in completed)
    figures = {name: _summary([each for each in rounds if each.fault == name]) for name in faults}
    rendered = {"rendered_once": own[1], "rendered_again_since_the_end_was_not_stored": sum(own.values()) - own[1]}
    return figures | {"accepted": len(site.accepted)} | (rendered if site.logs else {})


def _summary(rounds: list[Round]) -> dict[str, Any]:
    times = [each.recovery_s for each in rounds if each.recovery_s is not None]
    sums = {
        name: sum(getattr(each, name) for each in rounds)
        for name in ("accepted", "in_flight", "begun_again", "lost", "refused", "broken")
    }
    return {
        "times": len(rounds),
        "recovery_s": {"min": min(times), "median": statistics.median(times), "max": max(times)} if times else {},
        **sums,
        "other": dict(sum((Counter(each.other) for each in rounds), Counter())),
        "slowest_answer_s": max(each.slowest_s for each in rounds),
    }


def _lines_of(rounds: list[Round]) -> dict[str, bool]:
    within = [each for each in rounds if not each.door]
    return {
        "work was under way at every fault": all(each.in_flight for each in rounds),
        "all was as before each time": all(each.recovery_s is not None for each in rounds),
        "no connection broke where the fault was not in its way": not any(each.broken for each in within),
        "no answer is other than a success, or 503 with Retry-After": not any(each.other for each in rounds),
    }


def _lines(site: Site, videos: list[dict[str, Any]], names: list[str]) -> dict[str, bool]:
    known, listings, told = set(site.accepted), Counter(names), site.told()
    records = [record for record in records_in(site.store) if site.receiver or record.id in known]
    lines = {
        "every accepted video is completed": all(video["status"] == "completed" for video in videos),
        "so is every other that there is": all(record.status == "completed" for record in records),
        "each has one record and one place in the list": all(listings[record.id] == 1 for record in records)
        and known <= {record.id for record in records},
        "each has one MP4 and its captions in the store": set(contents_of(records))
        <= set(site.store.list("contents/")),
        "what had ended was not written again": all(
            written_at(site.store, key) == at for key, at in site.written.items()
        ),
        "nothing is owed any more": nothing_owed(site.store),
    }
    if site.receiver is None:
        return lines
    return lines | {
        "nothing else is there": contents_of(records) == site.store.list("contents/"),
        "each was told as completed": known <= set(told)
        and {event.payload["type"] for event in site.receiver.events} == {"video.completed"},
        "none was told under two webhook-ids": all(len(ids) == 1 for ids in told.values()),
        "every webhook was signed": site.receiver.refused == 0,
    }
