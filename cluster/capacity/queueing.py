"""How long a video waits for a place: an M/G/c queue, from the offered load and a sample of service times.

Orders that are no cache hits arrive as a Poisson stream, `places` of them are in work at once, the others wait in the
order they came (`deployments/jobs/turns.py`), and a place is held for a time that does not depend on the queue.

Sources: H. C. Tijms, *A First Course in Stochastic Models* (2003), chapter 9, for everything that has no other name.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

Samples = NDArray[np.float64]

GRID = 1 << 16
"""Cells of a waiting time's distribution."""

REACH = 40.0
"""How far the grid goes, in mean waits of those that wait: their tail is about exponential, e^-40 is beyond it."""

DETERMINISTIC_UP_TO = 0.97
"""Loads above need thousands of states for M/D/c, and the correction that they are needed for is under 1 % there."""


def erlang_c(places: int, load: float) -> float:
    """The share of M/M/c customers that wait, for a load per place below 1.

    Erlang (1917), by the recursion of Erlang B: B(0) = 1, B(k) = aB(k-1) / (k + aB(k-1)), C = B / (1 - load + load B).
    """
    blocked = 1.0
    for busy in range(1, places + 1):
        blocked = places * load * blocked / (busy + places * load * blocked)
    return blocked / (1 - load + load * blocked)


@dataclass(frozen=True)
class Queue:
    """`places` at a `load` (arrivals a second times mean service time over places, 0 to 1), and service times in s.

    Raises `ValueError` for a load at which the queue would grow for ever, and for service times that are none.
    """

    places: int
    load: float
    service_s: Samples = field(repr=False)

    def __post_init__(self) -> None:
        if self.places < 1:
            raise ValueError(f"at least one place is needed, not {self.places}")
        if not 0 < self.load < 1:
            raise ValueError(f"the load must lie between 0 and 1, not at {self.load:g}: the queue would grow for ever")
        if self.service_s.size == 0 or not (self.service_s > 0).all():
            raise ValueError("service times are needed, and must be above 0 s")

    @property
    def mean_service_s(self) -> float:
        """E[S], in seconds."""
        return float(self.service_s.mean())

    @property
    def variation(self) -> float:
        """The squared coefficient of variation of the service times: 0 if all are equal, 1 for exponential ones."""
        return float(self.service_s.var()) / self.mean_service_s**2

    def waiting(self) -> float:
        """The share of videos that wait at all, of M/M/c: exact for one place, else up to about a tenth too high."""
        return erlang_c(self.places, self.load)

    def mean_wait_s(self) -> float:
        """The mean wait of all, in seconds, by Allen and Cunneen: that of M/M/c times (1 + variation) / 2.

        A. O. Allen, *Probability, Statistics, and Queueing Theory* (1990). For one place that is Pollaczek and
        Khinchine's formula.
        """
        markovian = self.waiting() * self.mean_service_s / (self.places * (1 - self.load))
        return markovian * (1 + self.variation) / 2

    def wait_s(self, share: float) -> float:
        """The wait that this share of all videos does not exceed, in seconds: 0 if so many do not wait.

        `_compound_s`, exact for one place. For more, it is off by up to 10 % where service times are all equal, for
        which `_deterministic` is exact, and hardly where they are exponential: it is corrected by its own error for
        equal times, times (1 - variation)^2, a weight found by comparing with simulations.
        """
        estimate_s = self._compound_s(share)
        weight = max(0.0, 1 - self.variation) ** 2
        if self.places == 1 or weight < 1e-3 or self.load > DETERMINISTIC_UP_TO:
            return estimate_s
        equal = Queue(self.places, self.load, np.array([self.mean_service_s]))
        roughly_s, exactly_s = equal._compound_s(share), equal._deterministic_s(share)
        return estimate_s * (1 + weight * (exactly_s / roughly_s - 1)) if roughly_s else estimate_s

    def _compound_s(self, share: float) -> float:
        """By Tijms, van Hoorn and Federgruen (1981): places that are all taken work like one `places` times as fast.

        Who waits, waits for the first of c services under way to end, and for a geometric number of services' rests,
        each a `places`th as long. For one place that is Pollaczek and Khinchine's formula.
        """
        waits = self.waiting()
        if waits <= 1 - share:
            return 0.0
        step_s = REACH * self._mean_of_waiting_s() / GRID
        edges_s = step_s * np.arange(GRID + 1, dtype=np.float64)
        first = np.diff(1 - (1 - self._rest(edges_s)) ** self.places)
        each = np.diff(self._rest(edges_s * self.places))
        transformed = _transform(first) * (1 - self.load) / (1 - self.load * _transform(each))
        known = np.cumsum(np.fft.irfft(transformed, GRID))
        return step_s * (1 + int(np.searchsorted(known, 1 - (1 - share) / waits)))

    def _mean_of_waiting_s(self) -> float:
        """Of those that wait, roughly: to scale the grid."""
        return self.mean_service_s * (1 + self.variation) / 2 / self.places / (1 - self.load)

    def _rest(self, within_s: Samples) -> Samples:
        """The chance that the rest of a service under way takes at most so long: E[min(S, t)] / E[S]."""
        ordered = np.sort(self.service_s)
        ended = np.searchsorted(ordered, within_s, side="right")
        sums = np.concatenate([[0.0], np.cumsum(ordered)])
        rest: Samples = (sums[ended] + (ordered.size - ended) * within_s) / sums[-1]
        return rest

    def _deterministic_s(self, share: float) -> float:
        """The same for equal service times, exactly."""
        waits = Deterministic(self.places, self.load)
        low, high = 0.0, 1.0
        if waits.within(0.0) >= share:
            return 0.0
        while waits.within(high) < share:
            low, high = high, 2 * high
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if waits.within(middle) < share else (low, middle)
        return high * self.mean_service_s


class Deterministic:
    """M/D/c, the unit of time being the service time.

    The number in the system goes, from one moment to that a service time later, from n to max(n - c, 0) and a Poisson
    number of arrivals (Crommelin, 1932); from its distribution the wait's follows (Franx, *Operations Research
    Letters* 29, 2001).
    """

    def __init__(self, places: int, load: float) -> None:
        self._rate = places * load
        self._places = places
        self._queued_at_most = np.cumsum(self._in_system(places + 40 + int(12 / (1 - load))))[places:]

    def within(self, wait: float) -> float:
        """The share of all customers that wait at most so many service times."""
        services = int(wait) + 1
        arrived = np.arange(services * self._places)
        left = np.minimum(services * self._places - 1 - arrived, self._queued_at_most.size - 1)
        return float(poisson.pmf(arrived, self._rate * (services - wait)) @ self._queued_at_most[left])

    def _in_system(self, most: int) -> Samples:
        arrivals = poisson.pmf(np.arange(most + 1), self._rate)
        steps = np.zeros((most + 1, most + 1))
        for before in range(most + 1):
            stay = max(before - self._places, 0)
            steps[before, stay:] = arrivals[: most + 1 - stay]
        steps[:, -1] += 1 - steps.sum(axis=1)
        equations = steps.T - np.eye(most + 1)
        equations[-1] = 1.0
        return np.linalg.solve(equations, np.eye(most + 1)[-1])


def _transform(cells: Samples) -> NDArray[np.complex128]:
    """The Fourier transform of masses spread over their cells: half of each at either edge, which keeps the mean."""
    turn = np.exp(-2j * math.pi * np.arange(cells.size // 2 + 1) / cells.size)
    transformed: NDArray[np.complex128] = np.fft.rfft(cells) * (1 + turn) / 2
    return transformed
