import asyncio
from contextlib import asynccontextmanager

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


@asynccontextmanager
async def all_taken(line):
    """The only place, and the one beyond."""
    async with line.turns.of("y", lambda place: None), line.turns.of("z", lambda place: None):
        yield


def test_one_owner_with_many_orders_does_not_starve_another():
    async def story():
        line = Line(1)
        async with all_taken(line):
            for name in ("a1", "a2", "a3", "a4", "b1", "c1", "b2"):
                await line.stand(name)
        return await line.end()

    assert run(story()) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


@pytest.mark.parametrize(("owners", "at_once"), [("a", 3), ("ab", 4), ("abcdef", 4)])
def test_as_many_work_at_once_as_there_are_places_and_one_more_of_another_owner(owners, at_once):
    async def story():
        turns, inside, most = Turns(3), 0, 0

        async def work(owner):
            nonlocal inside, most
            async with turns.of(owner, lambda place: None):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.001)
                inside -= 1

        await asyncio.gather(*(work(owner) for owner in owners for _ in range(20)))
        return most

    assert run(story()) == at_once


class Held(Line):
    """Who has a place keeps it until `leave` is called."""

    def __init__(self, places):
        super().__init__(places)
        self.leaving = {}

    async def stand(self, name):
        self.leaving[name] = asyncio.Event()

        async def work():
            async with self.turns.of(name[0], lambda place: self.places.setdefault(name, place)):
                self.done.append(name)
                await self.leaving[name].wait()

        self.tasks[name] = asyncio.create_task(work())
        await asyncio.sleep(0)

    async def leave(self, name):
        self.leaving[name].set()
        await self.tasks[name]
        await asyncio.sleep(0)
        return list(self.done)


async def taken(places, *names):
    line = Held(places)
    for name in names:
        await line.stand(name)
    return line


def test_who_comes_while_another_floods_begins_at_once_and_so_does_the_next_time():
    async def story():
        line = await taken(2, "b1", "b2", "b3", "b4", "a1")
        after = await line.leave("a1")
        await line.stand("a2")
        return after, line.done

    assert run(story()) == (["b1", "b2", "a1"], ["b1", "b2", "a1", "a2"])


def test_the_place_beyond_is_not_for_who_has_one():
    async def story():
        line = await taken(2, "b1", "b2", "a1", "a2", "b3")
        assert line.done == ["b1", "b2", "a1"]
        assert await line.leave("b1") == ["b1", "b2", "a1"]
        return await line.leave("b2")

    assert run(story()) == ["b1", "b2", "a1", "b3"]


def test_who_gives_its_only_place_back_waits_while_another_has_the_one_beyond():
    async def story():
        line = await taken(1, "b1", "b2", "a1")
        after = await line.leave("b1")
        return after, await line.leave("a1")

    assert run(story()) == (["b1", "a1"], ["b1", "a1", "b2"])


def test_owners_who_come_and_go_do_not_keep_one_from_a_place():
    async def story():
        line = await taken(1, "b1", "b2", "c1")
        await line.leave("b1")
        await line.stand("d1")
        return await line.leave("c1")

    assert run(story()) == ["b1", "c1", "d1", "b2"]


def test_who_has_fewest_goes_first():
    async def story():
        line = await taken(3, "b1", "b2", "b3", "c1", "b4", "c2", "a1")
        assert {name: line.turns.position(place) for name, place in line.places.items()} == {"a1": 0, "c2": 1, "b4": 2}
        assert await line.leave("b1") == ["b1", "b2", "b3", "c1", "a1"]
        await line.leave("b2")
        return await line.leave("b3")

    assert run(story()) == ["b1", "b2", "b3", "c1", "a1", "b4"]


def test_a_position_is_told_as_turns_will_be_taken():
    async def story():
        line = Line(1)
        async with all_taken(line):
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
        async with all_taken(line):
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


def test_more_places_let_begin_who_waits_and_fewer_send_nobody_away():
    async def story():
        turns, ended = Turns(1), asyncio.Event()
        inside = []

        async def work(name):
            async with turns.of("a", lambda place: None):
                inside.append(name)
                await ended.wait()

        async with asyncio.TaskGroup() as group:
            for name in range(4):
                group.create_task(work(name))
            await asyncio.sleep(0)
            assert inside == [0]
            turns.resize(3)
            await asyncio.sleep(0)
            assert inside == [0, 1, 2]
            turns.resize(1)
            await asyncio.sleep(0)
            assert inside == [0, 1, 2]
            ended.set()
        return inside

    assert run(story()) == [0, 1, 2, 3]
