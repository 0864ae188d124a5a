"""How fast the mobile route answers what it has made already: equal requests at an even rate, by the preview engine.

Each request is sent when its time has come, whether or not the ones before were answered, and is measured from then.
The client is aiohttp's, which takes a third of httpx's time: it shares the machine's cores with the service.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from cluster.testbed.service import local_service

ROUTE = "/api/lipsync/generate-talking-photo"
BODY = {"imageId": "astronaut", "text": "Said again and again.", "voiceId": "default"}
WARM = 50  # requests before the measured ones


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--requests", type=int, default=2000, help="measured requests (default: 2000)")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second (default: 50)")


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Make the video once, then ask for it; `--rounds` has no meaning here."""
    with tempfile.TemporaryDirectory() as name, local_service(Path(name)) as service:
        took_s = asyncio.run(_asked(service.url, given.requests, given.rate))
    ordered = sorted(took_s)
    return {
        "p50_ms": round(1000 * statistics.median(ordered), 1),
        "p99_ms": round(1000 * ordered[int(0.99 * len(ordered))], 1),
        "requests": len(ordered),
        "rate_per_s": given.rate,
    }


async def _asked(url: str, requests: int, rate: float) -> list[float]:
    async with aiohttp.ClientSession(url) as http:
        while await _status(http) != 200:
            pass  # each answer took the seconds that the service waits
        began = time.perf_counter()
        times = await asyncio.gather(*(_one(http, began + i / rate) for i in range(WARM + requests)))
    return list(times[WARM:])


async def _one(http: aiohttp.ClientSession, at: float) -> float:
    await asyncio.sleep(at - time.perf_counter())
    if (status := await _status(http)) != 200:
        raise RuntimeError(f"a video that is made already was answered with {status}")
    return time.perf_counter() - at


async def _status(http: aiohttp.ClientSession) -> int:
    async with http.post(ROUTE, json=BODY) as answer:
        await answer.read()
        return answer.status


def report(result: dict[str, Any]) -> str:
    """Say the result in words."""
    return (
        f"  {result['requests']} cached answers at {result['rate_per_s']:g} a second:"
        f" p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms"
    )
