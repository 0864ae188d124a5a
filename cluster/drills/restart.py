"""Kills every process of the service in the middle of the work, several times: all that was accepted ends, once.

Between the kills it is started again, as a supervisor would. The moments are random, by the seed.
"""

import argparse
import asyncio
import random
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cluster.drills.world import (
    WEBHOOK_ENV,
    WITH_WEBHOOKS,
    Found,
    all_completed,
    client,
    contents_of,
    ended,
    listed,
    nothing_owed,
    order,
    records_in,
    wait_until,
    webhook_ids,
    written_at,
)
from cluster.testbed.service import LocalService, local_service
from cluster.testbed.webhooks import Receiver, webhook_receiver
from deployments.storage.disk import DiskStore

TEXTS = ("Number {} is short.", "Number {} takes a little longer to say.", "And number {} is the longest of the three.")
LIMIT_S = 600.0

UP_TO_S = 0.5
"""Between a video's end and a kill: less than the next ones take."""


class Kill(NamedTuple):
    """When it was, how many videos had not ended, and when the content of the others had been written."""

    at: datetime
    unfinished: int
    written: dict[str, datetime | None]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--jobs", type=int, default=60, help="videos ordered (default: 60)")
    parser.add_argument("--kills", type=int, default=3, help="how often all is killed (default: 3)")
    parser.add_argument("--seed", type=int, default=7, help="of the moments (default: 7)")


def drill(folder: Path, env: dict[str, str], *, jobs: int = 60, kills: int = 3, seed: int = 7) -> Found:
    """Order, kill and start again as often as asked; then let it finish, and look at what there is."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    store = DiskStore(folder / "objects")
    start = partial(local_service, folder, args=WITH_WEBHOOKS, env=env | WEBHOOK_ENV)
    ids: list[str] = []
    killed: list[Kill] = []
    ready: list[datetime] = []
    with webhook_receiver() as receiver:
        for told in sorted(rng.randrange(jobs * 3 // 4) for _ in range(kills)):
            with start() as service:
                ready.append(datetime.now(UTC))
                ids = ids or asyncio.run(_ordered(service.url, jobs, receiver.url))
                wait_until(_told, receiver, told, within_s=LIMIT_S)
                time.sleep(rng.uniform(0, UP_TO_S))
                killed.append(_kill(service, store))
        with start() as service:
            ready.append(datetime.now(UTC))
            videos, names = asyncio.run(_ended(service.url, ids))
            wait_until(nothing_owed, store, within_s=LIMIT_S)
    return Found(
        _figures(killed, ready, videos, receiver),
        _lines(store, killed, videos, names, receiver) | {f"{jobs} orders were accepted": len(ids) == jobs},
        {},
    )


async def _ordered(url: str, jobs: int, webhook: str) -> list[str]:
    """The ids of the videos that were accepted, ordered all at once."""
    async with client(url) as http:
        asked = (order(http, TEXTS[n % len(TEXTS)].format(n), webhook=webhook) for n in range(jobs))
        answers = await asyncio.gather(*asked)
    return [answer.json()["id"] for answer in answers if answer.status_code == 202]


async def _ended(url: str, ids: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """The videos when all have ended, and the ids in the service's list of them."""
    async with client(url) as http:
        return await ended(http, ids, LIMIT_S), await listed(http)


def _kill(service: LocalService, store: DiskStore) -> Kill:
    """SIGKILL every process of the service; then see how far it was."""
    at = datetime.now(UTC)
    service.kill()
    pending = set(store.list("pending/"))
    finished = [record for record in records_in(store) if f"pending/{record.id}" not in pending]
    return Kill(at, len(pending), {record.content_key: written_at(store, record.content_key) for record in finished})


def _figures(
    killed: list[Kill], ready: list[datetime], videos: list[dict[str, Any]], receiver: Receiver
) -> dict[str, Any]:
    last = max(datetime.fromisoformat(video["finished_at"] or video["created_at"]) for video in videos)
    return {
        "videos": len(videos),
        "unfinished_at_kill": [kill.unfinished for kill in killed],
        "kill_to_ready_s": [_seconds(kill.at, at) for kill, at in zip(killed, ready[1:], strict=True)],
        "last_kill_to_last_video_s": _seconds(killed[-1].at, last),
        "webhooks_received": len(receiver.events),
    }


def _lines(
    store: DiskStore, killed: list[Kill], videos: list[dict[str, Any]], names: list[str], receiver: Receiver
) -> dict[str, bool]:
    ids = Counter(video["id"] for video in videos)
    told = webhook_ids(receiver)
    records = records_in(store)
    written = [entry for kill in killed for entry in kill.written.items()]
    return {
        "work was under way at every kill": all(kill.unfinished for kill in killed),
        "every accepted video is completed": all_completed(videos),
        "each has one record": Counter(record.id for record in records) == ids,
        "each is listed once": Counter(names) == ids,
        "each has one MP4 and its captions in the store, and nothing else is there": contents_of(records)
        == store.list("contents/"),
        "what had ended before a kill was not written again": all(written_at(store, key) == at for key, at in written),
        "nothing is owed any more": nothing_owed(store),
        "each was told as completed": set(told) == set(ids)
        and {event.payload["type"] for event in receiver.events} == {"video.completed"},
        "none was told under two webhook-ids": all(len(known) == 1 for known in told.values()),
        "every webhook was signed": receiver.refused == 0,
    }


def _told(receiver: Receiver, videos: int) -> bool:
    return len(webhook_ids(receiver)) >= videos


def _seconds(begin: datetime, end: datetime) -> float:
    return round((end - begin).total_seconds(), 1)
