"""The model's p95 waits beside a long simulation's: service times that are all equal, exponential, and measured."""

from dataclasses import dataclass

import numpy as np

from cluster.capacity.queueing import Queue, Samples
from cluster.capacity.simulation import long_run_s

PLACES = (1, 2, 4, 16)
LOADS = (0.5, 0.7, 0.9)

WARM = 2000
"""Customers that go before: the queue begins empty, and takes some 400 services at the highest load to forget that."""


@dataclass(frozen=True)
class Row:
    """The p95 wait in mean service times, and the share that waits, by the model and by the simulation."""

    service: str
    places: int
    load: float
    model: float
    simulation: float
    waiting: float
    waited: float

    @property
    def off(self) -> float:
        """How far the model is from the simulation, by the simulation; 0 where both say that 95 % do not wait."""
        return self.model / self.simulation - 1 if self.simulation else float(self.model > 0)


def equal() -> Samples:
    """Service times of a second."""
    return np.ones(1)


def exponential(count: int = 4000) -> Samples:
    """Service times of a second on average, at the middles of so many equally likely parts."""
    times = -np.log((np.arange(count) + 0.5) / count)
    scaled: Samples = times / times.mean()
    return scaled


def rows(services: dict[str, Samples], runs: int, customers: int = 4000, seed: int = 3) -> list[Row]:
    """One for each kind of service times, number of places and load, each simulated in so many runs."""
    cases = [(name, places, load) for name in services for places in PLACES for load in LOADS]
    return [_row(*case, services[case[0]], runs, customers, seed) for case in cases]


def _row(name: str, places: int, load: float, service_s: Samples, runs: int, customers: int, seed: int) -> Row:
    waits = long_run_s(np.random.default_rng(seed), service_s, places, load, runs, customers, WARM)
    queue = Queue(places, load, service_s)
    in_services = np.array([queue.wait_s(0.95), np.quantile(waits, 0.95)]) / queue.mean_service_s
    model, simulation = in_services.tolist()
    return Row(name, places, load, model, simulation, queue.waiting(), float((waits > 1e-9).mean()))


def as_text(found: list[Row]) -> str:
    """The rows as a table in Markdown."""
    head = "| service times | places | load | p95 wait, model | simulation | off | waiting, model | simulation |"
    lines = [
        f"| {row.service} | {row.places} | {row.load:.0%} | {row.model:.3f} | {row.simulation:.3f} | {row.off:+.1%} |"
        f" {row.waiting:.3f} | {row.waited:.3f} |"
        for row in found
    ]
    return "\n".join([head, "|---" * 8 + "|", *lines])
