"""Whose turn it is: a few places, and everybody who waits for one, taken in turn by owner."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Turns:
    """`places` may work at once. One owner's many orders do not make another's first one wait for all of them."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._free = places
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def of(self, owner: str, waits: Callable[[asyncio.Future[None]], None]) -> AsyncIterator[None]:
        """Hold a place during the block; `waits` is told what `position` may be asked for."""
        if not self._free:
            mine = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(owner, deque()).append(mine)
            waits(mine)
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():  # the place came together with the cancellation
                    self._pass_on()
                raise
        else:
            self._free -= 1
        try:
            yield
        finally:
            self._pass_on()

    def position(self, mine: asyncio.Future[None]) -> int:
        """How many take their turn before: 0 for the next, and for one that waits no more."""
        ranks = sorted(
            (rank, number, future is mine)
            for number, queue in enumerate(self._waiting.values())
            for rank, future in enumerate(queue)
        )
        return next((position for position, (*_, is_mine) in enumerate(ranks) if is_mine), 0)

    def _pass_on(self) -> None:
        """Give a place to the owner who has waited longest for a turn; one with more to do goes to the end."""
        while self._waiting:
            owner, queue = self._waiting.popitem(last=False)
            following = queue.popleft()
            if queue:
                self._waiting[owner] = queue
            if not following.done():
                following.set_result(None)
                return
        self._free += 1
