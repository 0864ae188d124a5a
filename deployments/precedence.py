"""Whose work goes first where there is not room for everybody's: that of whoever had least of late."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HALF_LIFE_S = 3.0
"""What an owner had counts half after that long."""


class Precedence:
    """How much each owner had of late."""

    def __init__(self) -> None:
        self._had: dict[str, tuple[float, float]] = {}  # and when

    def had(self, owner: str) -> float:
        """Return what the owner had, old things counting less."""
        amount, at_s = self._had.get(owner, (0.0, 0.0))
        return amount * math.exp2((at_s - time.monotonic()) / HALF_LIFE_S)

    def add(self, owner: str, amount: float) -> None:
        """Take down that the owner has so much more."""
        self._had[owner] = self.had(owner) + amount, time.monotonic()


@dataclass(frozen=True, eq=False)
class _Waiting:
    owner: str
    amount: int
    counts: int
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Entrance:
    """Lets work in while it is open and there is room: by precedence of owners, an owner's in the order it came."""

    def __init__(self, room: int) -> None:
        self._precedence = Precedence()
        self._waiting: list[_Waiting] = []
        self._room, self._closed = room, False

    async def enter(self, owner: str, amount: int = 1, counts: int | None = None) -> None:
        """Wait until there is room for so much work of that owner, and take it.

        It `counts` as what the owner has: as much as the room it takes, or what is told, of work that comes in pieces.
        """
        mine = _Waiting(owner, amount, amount if counts is None else counts)
        self._waiting.append(mine)
        self._admit()
        try:
            await mine.turn
        except asyncio.CancelledError:
            if not mine.turn.cancelled():  # the room came together with the cancellation
                self.give_back(amount)
            raise

    @asynccontextmanager
    async def inside(self, owner: str, amount: int = 1, counts: int | None = None) -> AsyncIterator[None]:
        """Have that room during the block."""
        await self.enter(owner, amount, counts)
        try:
            yield
        finally:
            self.give_back(amount)

    def give_back(self, amount: int = 1) -> None:
        """There is so much more room: who asks for it at once stands with those that wait for it."""
        self._room += amount
        asyncio.get_running_loop().call_soon(self._admit)

    def close(self) -> None:
        """Let nothing in."""
        self._closed = True

    def open(self, room: int) -> None:
        """There is so much room from now on."""
        self._room, self._closed = room, False
        self._admit()

    def _admit(self) -> None:
        self._waiting = [each for each in self._waiting if not each.turn.done()]
        while self._waiting and not self._closed:
            owner = min(dict.fromkeys(each.owner for each in self._waiting), key=self._precedence.had)
            following = next(each for each in self._waiting if each.owner == owner)
            if following.amount > self._room:
                return
            self._waiting.remove(following)
            self._room -= following.amount
            self._precedence.add(owner, following.counts)
            following.turn.set_result(None)
