"""Work ahead of its consumer: as far as it goes, or a window of calls in flight; what comes out is in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def ahead(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Yield the items, which are made one after the other without waiting for the consumer: they must be small.

    Close the generator, best with `contextlib.aclosing`: that closes `items`.
    """
    made: asyncio.Queue[tuple[T] | None] = asyncio.Queue()

    async def make() -> None:
        try:
            async with aclosing(items):
                async for item in items:
                    made.put_nowait((item,))
        finally:
            made.put_nowait(None)

    maker = asyncio.create_task(make())
    try:
        while got := await made.get():
            yield got[0]
        await maker
    finally:
        maker.cancel()
        await asyncio.gather(maker, return_exceptions=True)


async def windowed(calls: AsyncGenerator[Callable[[], Awaitable[T]], None], window: int = 2) -> AsyncGenerator[T, None]:
    """Yield the result of each call in order, with up to `window` calls started ahead.

    The next call starts when a result is taken, so results cannot pile up. When a call fails, or the consumer
    stops (close the generator, best with `contextlib.aclosing`), the others are cancelled and waited for.
    """
    room = asyncio.Semaphore(window)
    running: set[asyncio.Future[T]] = set()

    async def started() -> AsyncGenerator[asyncio.Future[T], None]:
        async for call in calls:
            await room.acquire()
            running.add(task := asyncio.ensure_future(call()))
            yield task

    try:
        async with aclosing(calls), aclosing(ahead(started())) as tasks:
            async for task in tasks:
                result = await task
                running.remove(task)
                room.release()
                yield result
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
