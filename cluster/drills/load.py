"""Load at an even rate: each request is sent when its time has come, whether or not the ones before were answered."""

import asyncio
import contextlib
import itertools
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import NamedTuple

import httpx

from cluster.drills.world import order

REFUSALS = (429, 503)

NUMBERS = range(1000, 10_000)
"""What tells orders apart, in an order by chance: counted up, their texts would become longer, and the work more."""

Ask = Callable[[], Awaitable[httpx.Response]]


class Answer(NamedTuple):
    """One request: what it `asked`, when its time had come and when it was answered (monotonic clock), and with what.

    `response` is None where the connection broke.
    """

    asked: str
    began_s: float
    ended_s: float
    response: httpx.Response | None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended_s - self.began_s

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return self.response is not None and self.response.is_success

    @property
    def refused(self) -> bool:
        """Whether it says when to ask again."""
        response = self.response
        return (
            response is not None
            and response.status_code in REFUSALS
            and int(response.headers.get("retry-after", 0)) > 0
        )


class Load:
    """Orders of new videos, looks at those that were accepted, and looks at `/readyz`: `answers` has what came."""

    def __init__(self, http: httpx.AsyncClient, text: str) -> None:
        self._http = http
        self._text = text
        self._rng = random.Random(7)  # noqa: S311 - no secret
        self._numbers = iter(self._rng.sample(NUMBERS, len(NUMBERS)))
        self.accepted: list[str] = []
        self.answers: list[Answer] = []

    async def order(self) -> httpx.Response:
        """Order a video that nobody has ordered before."""
        response = await order(self._http, self._text.format(next(self._numbers)))
        if response.is_success:
            self.accepted.append(response.json()["id"])
        return response

    async def look(self) -> httpx.Response:
        """Look at any video that was accepted."""
        return await self.get(f"/v1/videos/{self._rng.choice(self.accepted)}")

    async def get(self, path: str) -> httpx.Response:
        """Look at anything."""
        return await self._http.get(path)

    async def ready(self) -> httpx.Response:
        """Look whether the service says that it is ready."""
        return await self._http.get("/readyz")

    @contextlib.asynccontextmanager
    async def steady(self, per_s: dict[Ask, float]) -> AsyncIterator[None]:
        """Ask so often during the block, and then wait for what is not answered yet."""
        ended = asyncio.Event()
        asking = [asyncio.create_task(self._ask(ask, rate, ended)) for ask, rate in per_s.items()]
        try:
            yield
        finally:
            ended.set()
            await asyncio.gather(*asking)

    async def _ask(self, ask: Ask, per_s: float, ended: asyncio.Event) -> None:
        first_s = time.monotonic()
        async with asyncio.TaskGroup() as requests:
            for at_s in (first_s + number / per_s for number in itertools.count()):
                await asyncio.sleep(at_s - time.monotonic())
                if ended.is_set():
                    break
                requests.create_task(self._one(ask, at_s))

    async def _one(self, ask: Ask, began_s: float) -> None:
        try:
            response = await ask()
        except httpx.HTTPError:
            response = None
        self.answers.append(Answer(ask.__name__, began_s, time.monotonic(), response))

    def of(self, asked: str) -> list[Answer]:
        """The answers to one kind of request, in the order they came."""
        return [answer for answer in self.answers if answer.asked == asked]


def go_first() -> None:
    """Let this process wait for no other, where the system lets it: it measures them, and shares their processors."""
    with contextlib.suppress(AttributeError, PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def percentile_ms(answers: Iterable[Answer], share: float) -> float:
    """What this share of them was answered within, in milliseconds; 0 of none."""
    ordered = sorted(answer.seconds for answer in answers)
    return round(1000 * ordered[int(share * len(ordered))], 1) if ordered else 0.0


def slowest_s(answers: Iterable[Answer]) -> float:
    """How long the slowest of them took; 0 of none."""
    return round(max((answer.seconds for answer in answers), default=0.0), 2)
