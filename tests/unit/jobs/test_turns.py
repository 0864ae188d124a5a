import asyncio

import pytest

from deployments.jobs.turns import Turns


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 10))


class Line:
    """Owners that wait for a place; `done` is the order in which they had it."""

    def __init__(self, places):
        self.turns = Turns(places)
        self.done = []
        self.places = {}
        self.tasks = {}

    async def stand(self, name):
        async def work():
            async with self.turns.of(name[0], lambda place: self.places.setdefault(name, place)):
                self.done.append(name)
                await asyncio.sleep(0)

        self.tasks[name] = asyncio.create_task(work())
        await asyncio.sleep(0)

    async def end(self):
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        return self.done


def test_one_owner_with_many_orders_does_not_starve_another():
    async def story():
        line = Line(1)
        async with line.turns.of("z", lambda place: None):
            for name in ("a1", "a2", "a3", "a4", "b1", "c1", "b2"):
                await line.stand(name)
        return await line.end()

    assert run(story()) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_as_many_work_at_once_as_there_are_places():
    async def story():
        turns, inside, most = Turns(3), 0, 0

        async def work():
            nonlocal inside, most
            async with turns.of("a", lambda place: None):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.001)
                inside -= 1

        await asyncio.gather(*(work() for _ in range(20)))
        return most

    assert run(story()) == 3


def test_a_position_is_told_as_turns_will_be_taken():
    async def story():
        line = Line(1)
        async with line.turns.of("z", lambda place: None):
            for name in ("a1", "a2", "b1"):
                await line.stand(name)
            positions = {name: line.turns.position(place) for name, place in line.places.items()}
        return positions, await line.end()

    positions, done = run(story())
    assert positions == {"a1": 0, "b1": 1, "a2": 2}
    assert done == ["a1", "b1", "a2"]


@pytest.mark.parametrize("when", ["while it waits", "as its turn comes"])
def test_who_gives_up_is_passed_over_and_no_place_is_lost(when):
    async def story():
        line = Line(1)
        async with line.turns.of("z", lambda place: None):
            for name in ("a1", "b1"):
                await line.stand(name)
            if when == "while it waits":
                line.tasks["a1"].cancel()
                await asyncio.sleep(0)
        line.tasks["a1"].cancel()
        await line.end()
        await asyncio.wait_for(line.stand("c1"), 1)
        return await line.end()

    assert run(story()) == ["b1", "c1"]
