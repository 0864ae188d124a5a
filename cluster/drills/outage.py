"""Stops the S3 server for a while under steady load, and starts it again with its data: nothing accepted is lost."""

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any, NamedTuple

from cluster.drills.load import Answer, Load, percentile_ms, slowest_s
from cluster.drills.world import Found, all_completed, client, ended, playable
from cluster.testbed.s3 import S3Server, s3_server
from cluster.testbed.service import local_service

BUCKET = "drill"
ARGS = {"lipsync": {"engine": "preview"}}
LOOKS_PER_S = 5.0
READY_PER_S = 1.0
LIMIT_S = 300.0


class Outage(NamedTuple):
    """From when to when the server was not there (monotonic clock)."""

    began_s: float
    ended_s: float

    def during(self, answers: list[Answer]) -> list[Answer]:
        """The answers to what was asked and answered within it."""
        return [answer for answer in answers if self.began_s <= answer.began_s and answer.ended_s <= self.ended_s]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--away-s", type=float, default=30.0, help="how long the server is stopped (default: 30)")
    parser.add_argument("--around-s", type=float, default=10.0, help="load before and after that (default: 10)")
    parser.add_argument("--orders-per-s", type=float, default=1.0, help="(default: 1)")


def drill(
    folder: Path, env: dict[str, str], *, away_s: float = 30.0, around_s: float = 10.0, orders_per_s: float = 1.0
) -> Found:
    """Load the service, take the store away and give it back; then let it finish, and look at what there is."""
    with s3_server() as s3:
        env = env | s3.environment(BUCKET)
        with local_service(folder, config="local-minio.yaml", args=ARGS, env=env) as service:
            return asyncio.run(take_away(s3, service.url, away_s, around_s, orders_per_s))


async def take_away(s3: S3Server, url: str, away_s: float, around_s: float, orders_per_s: float) -> Found:
    """The drill on a service that is running already, and stores there."""
    async with client(url) as http:
        load = Load(http, "Number {} came in a storm.")
        await load.order()
        async with load.steady({load.order: orders_per_s, load.look: LOOKS_PER_S, load.ready: READY_PER_S}):
            await asyncio.sleep(around_s)
            outage = await _without(s3, away_s)
            await asyncio.sleep(around_s)
        videos = await ended(http, load.accepted, LIMIT_S)
        done_s = time.monotonic()
        played = [await playable(http, video) for video in videos]
        ready = (await load.ready()).is_success
    lines = {"every accepted video plays": all(played), "/readyz says that the store is back": ready}
    return Found(_figures(load, outage, done_s), _lines(load, outage, videos) | lines, {})


async def _without(s3: S3Server, away_s: float) -> Outage:
    await asyncio.to_thread(s3.stop)
    began_s = time.monotonic()
    await asyncio.sleep(away_s)
    outage = Outage(began_s, time.monotonic())
    await asyncio.to_thread(s3.start)
    return outage


def _figures(load: Load, outage: Outage, done_s: float) -> dict[str, Any]:
    ready = [answer.ended_s for answer in load.of("ready") if answer.ok and answer.ended_s > outage.ended_s]
    orders, looks = outage.during(load.of("order")), outage.during(load.of("look"))
    return {
        "away_s": round(outage.ended_s - outage.began_s, 1),
        "accepted": len(load.accepted),
        "refused": sum(answer.refused for answer in load.of("order")),
        "looks": len(load.of("look")),
        "slowest_refusal_s": slowest_s(answer for answer in load.of("order") if answer.refused),
        "orders_p50_ms_while_away": percentile_ms(orders, 0.5),
        "looks_p99_ms_while_away": percentile_ms(looks, 0.99),
        "looks_refused": sum(answer.refused for answer in load.of("look")),
        "back_to_ready_s": round(min(ready, default=done_s) - outage.ended_s, 1),
        "back_to_last_video_s": round(done_s - outage.ended_s, 1),
    }


def _lines(load: Load, outage: Outage, videos: list[dict[str, Any]]) -> dict[str, bool]:
    asked = load.of("order") + load.of("look")
    away = outage.during(load.of("ready"))
    return {
        "orders were refused while the store was away": any(answer.refused for answer in outage.during(asked)),
        "no answer is other than a success, or 503 with Retry-After": all(a.ok or a.refused for a in asked),
        "/readyz says that the store is away": bool(away) and not any(answer.ok for answer in away),
        "every accepted video is completed": all_completed(videos),
    }
