"""What memory the processes of a service hold, over time."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator

import psutil

from cluster.testbed.service import LocalService

ACTOR = re.compile(r"ray::(?:ServeReplica:talking-photo:)?(\w+)")
"""The title of a process: what follows is the method that runs."""

Samples = list[tuple[float, float]]
"""Of a process: the minutes since the first look, and the MB that it then has for itself alone."""


@contextlib.asynccontextmanager
async def sampled(service: LocalService, every_s: float) -> AsyncIterator[dict[str, Samples]]:
    """Look at every process of the service, again and again during the block; replicas come and go."""
    memory: dict[str, Samples] = defaultdict(list)
    began_s = time.monotonic()

    async def sample() -> None:
        while True:
            minute = (time.monotonic() - began_s) / 60
            for name, held_mb in (await asyncio.to_thread(_held, service)).items():
                memory[name].append((minute, held_mb))
            await asyncio.sleep(every_s)

    sampling = asyncio.create_task(sample())
    try:
        yield memory
    finally:
        sampling.cancel()
        await asyncio.wait({sampling})


def _held(service: LocalService) -> dict[str, float]:
    """By replica and process of Serve, the MB that it has for itself alone (resident less shared)."""
    held = {}
    for process in service.processes():
        with contextlib.suppress(psutil.Error, IndexError):
            if actor := ACTOR.match(process.cmdline()[0]):
                memory = process.memory_info()
                held[f"{actor[1]} {process.pid}"] = (memory.rss - memory.shared) / 2**20
    return held
