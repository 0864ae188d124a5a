"""Whose turn it is: a few places, and everybody who waits for one, taken in turn by owner."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Turns:
    """`places` may work at once, and one more for an owner who has none of them. Who has fewest goes first.

    One owner may have all the places; another's first order then need not wait until one of them is free. Who gives
    the only one back that it had does not take the one beyond at once: what others have begun gets room.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def of(self, owner: str, waits: Callable[[asyncio.Future[None]], None]) -> AsyncIterator[None]:
        """Hold a place during the block; `waits` is told what `position` may be asked for."""
        if not self._may_begin(owner):
            mine = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(owner, deque()).append(mine)
            waits(mine)
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():  # the place came together with the cancellation
                    self._pass_on(owner)
                raise
        else:
            self._held[owner] += 1
        try:
            yield
        finally:
            self._pass_on(owner)

    def resize(self, places: int) -> None:
        """Let so many work at once from now on; who works goes on."""
        self.places = places
        self._admit()

    def position(self, mine: asyncio.Future[None]) -> int:
        """How many take their turn before, if all take as long: 0 for the next, and for one that waits no more."""
        ranks = sorted(
            (self._held[owner] + rank, number, future is mine)
            for number, (owner, queue) in enumerate(self._waiting.items())
            for rank, future in enumerate(queue)
        )
        return next((position for position, (*_, is_mine) in enumerate(ranks) if is_mine), 0)

    def _may_begin(self, owner: str, *, beyond: bool = True) -> bool:
        return self._held.total() < self.places + (beyond and not self._held[owner])

    def _pass_on(self, owner: str) -> None:
        """Give back a place."""
        self._held[owner] -= 1
        self._admit(leaving=owner)
        self._held += Counter()  # forgets who has none

    def _admit(self, leaving: str | None = None) -> None:
        """Let begin who may: who has fewest first, then who has waited longest for a turn."""
        while able := [owner for owner in self._waiting if self._may_begin(owner, beyond=owner != leaving)]:
            self._take_turn(min(able, key=self._held.__getitem__))

    def _take_turn(self, owner: str) -> None:
        """Let the first of an owner's orders begin, if it has not given up; one with more to do goes to the end."""
        queue = self._waiting.pop(owner)
        following = queue.popleft()
        if queue:
            self._waiting[owner] = queue
        if not following.done():
            self._held[owner] += 1
            following.set_result(None)
