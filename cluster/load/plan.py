"""What visitors of an exhibition ask for, and when: numbers alone, without Locust.

Arrivals are a Poisson process: the gaps are exponential, and nobody waits for another's answer before asking.
What is popular follows Zipf's law: the n-th most popular is asked for in proportion to 1/n.
"""

import argparse
import itertools
import random
from bisect import bisect
from typing import NamedTuple, Self

POSTERS = ("astronaut", "illustration")
POPULAR_SHARE = 0.8
"""Of the visits: those that ask for what others have asked for."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen of it."""
    parser.add_argument("--minutes", type=float, default=3.0, help="in all (default: 3)")
    parser.add_argument("--burst-s", type=float, default=60.0, help="in the middle; at most a third (default: 60)")
    parser.add_argument("--per-s", type=float, default=1.0, help="visits a second while it is quiet (default: 1)")
    parser.add_argument("--times", type=int, default=8, help="as many in the burst (default: 8)")
    parser.add_argument("--pairs", type=int, default=20, help="popular posters and sentences (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the visitors; 0 is the clock (default: 0)")


class Pair(NamedTuple):
    """A poster and what it is to say."""

    poster_id: str
    text: str


class Phases(NamedTuple):
    """Quiet, a burst as the doors open, and quiet again: `quiet_per_s` visits a second, or `times` as many."""

    total_s: float
    burst_s: float
    quiet_per_s: float
    times: int

    @classmethod
    def of(cls, given: argparse.Namespace) -> Self:
        """Those that the options ask for."""
        total_s = 60 * given.minutes
        return cls(total_s, min(given.burst_s, total_s / 3), given.per_s, given.times)

    def sources(self, at_s: float) -> int | None:
        """How many sources of `quiet_per_s` visits there are at that second; None when it is over.

        Poisson processes added up are one again, of their rates' sum.
        """
        if at_s >= self.total_s:
            return None
        opens_s = (self.total_s - self.burst_s) / 2
        return self.times if opens_s <= at_s < opens_s + self.burst_s else 1

    @property
    def visits(self) -> float:
        """How many are to be expected."""
        return self.quiet_per_s * (self.total_s + (self.times - 1) * self.burst_s)


class Visitors:
    """What each next visitor wants, by `seed`. New sentences differ from those of any other seed."""

    def __init__(self, pairs: int, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - no secret
        self._numbers = itertools.count(1)
        self._seed = seed
        self.popular = [
            Pair(POSTERS[n % len(POSTERS)], f"Welcome! This is what picture number {n + 1} has to say.")
            for n in range(pairs)
        ]
        self._up_to = list(itertools.accumulate(1 / rank for rank in range(1, pairs + 1)))

    def gap_s(self, per_s: float) -> float:
        """The seconds until the next visitor of a source."""
        return self._rng.expovariate(per_s)

    def next(self) -> Pair:
        """A popular pair, or one that nobody has asked for."""
        if self._rng.random() < POPULAR_SHARE:
            return self.popular[bisect(self._up_to, self._rng.random() * self._up_to[-1])]
        return Pair(self._rng.choice(POSTERS), f"Hello, I am visitor {next(self._numbers)} of day {self._seed}.")

    def by_mobile_route(self) -> bool:
        """Whether the next visitor comes by the mobile route: every other one."""
        return self._rng.random() < 0.5
