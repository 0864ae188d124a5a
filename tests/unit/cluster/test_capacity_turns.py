"""The queue of the simulation is that of the service: `Turns`, played in a time of its own."""

import asyncio
import selectors

import numpy as np
import pytest

from cluster.capacity.simulation import poisson_arrivals_s, waits_s
from deployments.jobs.turns import Turns


class AtOnce(selectors.DefaultSelector):
    """Waits for nothing: the time that it was to wait for has passed."""

    now_s = 0.0

    def select(self, timeout=None):
        self.now_s += timeout or 0.0
        return super().select(0)


def played_s(arrivals_s, service_s, places):
    """What each order of one owner waits for its turn."""
    selector = AtOnce()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now_s
    turns, waits = Turns(places), np.empty(len(arrivals_s))

    async def order(number):
        await asyncio.sleep(arrivals_s[number])
        came_s = loop.time()
        async with turns.of("owner", lambda _: None):
            waits[number] = loop.time() - came_s
            await asyncio.sleep(service_s[number])

    async def all_orders():
        await asyncio.gather(*map(order, range(len(arrivals_s))))

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(all_orders())
    return waits


@pytest.mark.parametrize("places", [1, 2, 4])
def test_orders_of_one_owner_wait_as_in_the_simulation(places):
    rng = np.random.default_rng(places)
    service_s = rng.uniform(0.5, 1.5, 500)
    arrivals_s = poisson_arrivals_s(rng, 500, 500 / (0.9 * places))
    expected_s = waits_s(arrivals_s, service_s, places)
    assert (expected_s > 0.1).sum() > 100
    assert played_s(arrivals_s, service_s, places) == pytest.approx(expected_s, abs=1e-6)
