"""The queue played through, order by order: what the formulas are held against."""

import heapq

import numpy as np

from cluster.capacity.queueing import Samples


def waits_s(arrivals_s: Samples, service_s: Samples, places: int) -> Samples:
    """What each waits for a place, in seconds: first come, first served, from an empty start.

    By Lindley's recursion (1952) for one place, and Kiefer and Wolfowitz's (1955) for more. Both arguments are in the
    order of arrival.
    """
    if places == 1:
        walk = np.concatenate([[0.0], np.cumsum(service_s[:-1] - np.diff(arrivals_s))])
        alone: Samples = walk - np.minimum.accumulate(walk)
        return alone
    free_s = [-np.inf] * places
    waits = np.empty(arrivals_s.size)
    for number, (arrival_s, holds_s) in enumerate(zip(arrivals_s.tolist(), service_s.tolist(), strict=True)):
        starts_s = max(arrival_s, free_s[0])
        heapq.heapreplace(free_s, starts_s + holds_s)
        waits[number] = starts_s - arrival_s
    return waits


def poisson_arrivals_s(rng: np.random.Generator, count: int, seconds: float) -> Samples:
    """So many arrivals in so long: those of a Poisson stream, given their number, lie anywhere in it independently."""
    return np.sort(rng.uniform(0, seconds, count))


def long_run_s(
    rng: np.random.Generator, service_s: Samples, places: int, load: float, runs: int, customers: int, warm: int
) -> Samples:
    """Waits of `runs` times `customers`, in seconds, after `warm` others in each run, all runs side by side.

    Arrivals are a Poisson stream at that load, service times are drawn from the given ones with replacement.
    """
    free_s, arrival_s = np.zeros((runs, places)), np.zeros(runs)
    between_s, every = float(service_s.mean()) / (places * load), np.arange(runs)
    waits = np.empty((customers, runs))
    for number in range(-warm, customers):
        arrival_s += rng.exponential(between_s, runs)
        first = free_s.argmin(axis=1)
        starts_s = np.maximum(arrival_s, free_s[every, first])
        free_s[every, first] = starts_s + rng.choice(service_s, runs)
        waits[max(number, 0)] = starts_s - arrival_s
    return waits.ravel()
