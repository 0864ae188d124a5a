"""A window of calls in flight: their results in order, and never more than so many ahead of the consumer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


async def windowed(calls: Iterable[Callable[[], Awaitable[T]]], window: int = 2) -> AsyncGenerator[T, None]:
    """Yield the result of each call in order, with up to `window` calls started ahead.

    The next call starts when a result is taken, so results cannot pile up. When a call fails, or the consumer
    stops (close the generator, best with `contextlib.aclosing`), the others are cancelled and waited for.
    """
    waiting = iter(calls)
    running: deque[asyncio.Future[T]] = deque()
    try:
        running.extend(asyncio.ensure_future(call()) for call in islice(waiting, window))
        while running:
            result = await running[0]
            running.popleft()
            running.extend(asyncio.ensure_future(call()) for call in islice(waiting, 1))
            yield result
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
