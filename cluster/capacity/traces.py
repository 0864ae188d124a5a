"""Arrival traces that stand for a long run.

The p95 wait of some hundred orders at 90 % load scatters by half of itself between one Poisson trace and the next: a
run over any one of them would say little of a model of the long run. So many traces are drawn, each by its seed, played
through in the simulation with service times measured beforehand, and the one is taken whose p95 wait is closest to the
model's, at the load that is meant and at loads a little beside it, since the service may turn out a little faster or
slower. The choice is made before the run and knows nothing of it.
"""

from dataclasses import dataclass

import numpy as np

from cluster.capacity.queueing import Queue, Samples
from cluster.capacity.simulation import poisson_arrivals_s, waits_s

BESIDE = (0.98, 1.0, 1.02)
"""Loads by the one that is meant."""

HIGHEST = 0.98

DRAWS = 3
"""How often service times are drawn for each."""


@dataclass(frozen=True)
class Trace:
    """When orders arrive: the uniform order statistics of a seed, over `seconds`.

    `off` is how far its simulated p95 wait is from the model's at the worst of the loads that were looked at.
    """

    seed: int
    arrivals_s: Samples
    seconds: float
    off: float


def representative(
    service_s: Samples, places: int, load: float, count: int, share: float = 0.95, seeds: int = 1000
) -> Trace:
    """The best of so many traces of `count` arrivals, for service times in seconds."""
    loads = [min(beside * load, HIGHEST) for beside in BESIDE]
    expected_s = [Queue(places, near, service_s).wait_s(share) for near in loads]
    lengths_s = [count * float(service_s.mean()) / (places * near) for near in loads]

    def off(seed: int) -> float:
        unit = poisson_arrivals_s(np.random.default_rng(seed), count, 1.0)
        found_s = [p95_s(length * unit, service_s, places, share, DRAWS, seed) for length in lengths_s]
        return max(abs(found / expected - 1) for found, expected in zip(found_s, expected_s, strict=True))

    best_off, best = min((off(seed), seed) for seed in range(seeds))
    seconds = count * float(service_s.mean()) / (places * load)
    return Trace(best, poisson_arrivals_s(np.random.default_rng(best), count, seconds), seconds, best_off)


def p95_s(arrivals_s: Samples, service_s: Samples, places: int, share: float, draws: int, seed: int = 0) -> float:
    """That quantile of the simulated waits on a trace, averaged over draws of its service times."""
    rng = np.random.default_rng([1, seed])
    served = (rng.choice(service_s, arrivals_s.size) for _ in range(draws))
    return float(np.mean([np.quantile(waits_s(arrivals_s, times, places), share) for times in served]))
