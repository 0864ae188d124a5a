"""Whose work a busy stage lets in next."""

import asyncio

import pytest

from deployments import precedence
from deployments.precedence import HALF_LIFE_S, Entrance, Precedence


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 10))


class Queue:
    """Work that stands at an entrance; `inside` is who came in, in order."""

    def __init__(self, room):
        self.entrance = Entrance(room)
        self.inside = []
        self.tasks = {}

    async def stand(self, *names, amount=1):
        for name in names:
            self.tasks[name] = asyncio.create_task(self._enter(name, amount))
            await asyncio.sleep(0)

    async def _enter(self, name, amount):
        await self.entrance.enter(name[0], amount)
        self.inside.append(name)

    async def open(self, room=1):
        self.entrance.open(room)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def test_who_had_least_goes_first_and_an_owners_work_in_the_order_it_came():
    async def story():
        queue = Queue(1)
        await queue.stand("a1", "a2", "a3", "b1", "b2", "c1")
        for _ in range(5):
            await queue.open()
        return queue.inside

    assert run(story()) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_as_much_comes_in_as_there_is_room_for():
    async def story():
        queue = Queue(16)
        await queue.stand("a1", "b1", "c1", amount=7)
        first = list(queue.inside)
        await queue.open(16)
        return first, queue.inside

    first, all_in = run(story())
    assert first == ["a1", "b1"]
    assert all_in == ["a1", "b1", "c1"]


def test_nothing_comes_in_while_it_is_closed():
    async def story():
        queue = Queue(1)
        queue.entrance.close()
        await queue.stand("a1")
        before = list(queue.inside)
        await queue.open()
        return before, queue.inside

    assert run(story()) == ([], ["a1"])


def test_who_gives_up_takes_no_room():
    async def story():
        queue = Queue(1)
        await queue.stand("a1", "b1", "c1")
        queue.tasks["b1"].cancel()
        await asyncio.sleep(0)
        queue.entrance.open(1)
        queue.tasks["c1"].cancel()  # as the room comes
        await queue.stand("d1")
        await asyncio.sleep(0)
        return queue.inside

    assert run(story()) == ["a1", "d1"]


def test_work_may_count_for_more_or_less_than_the_room_it_takes():
    async def story():
        entrance, came = Entrance(1), []

        async def piece(owner, counts):
            async with entrance.inside(owner, counts=counts):
                came.append(owner)
                await asyncio.sleep(0)

        pieces = [("a", 5), ("a", 0), ("b", 2), ("b", 2), ("b", 2), ("b", 2)]
        await asyncio.gather(*(piece(owner, counts) for owner, counts in pieces))
        return "".join(came)

    assert run(story()) == "abbbab"


def test_who_leaves_gives_the_room_to_the_next_whatever_happened_inside():
    async def story():
        entrance = Entrance(1)
        with pytest.raises(ValueError, match="inside"):
            async with entrance.inside("a"):
                raise ValueError("inside")
        async with entrance.inside("b"):
            return "b"

    assert run(story()) == "b"


def test_what_an_owner_had_counts_half_after_a_while(monkeypatch):
    now_s = 1000.0
    monkeypatch.setattr(precedence.time, "monotonic", lambda: now_s)
    owners = Precedence()
    owners.add("a", 8)
    assert (owners.had("a"), owners.had("nobody")) == (8, 0)
    now_s += 2 * HALF_LIFE_S
    assert owners.had("a") == pytest.approx(2)
    owners.add("a", 1)
    assert owners.had("a") == pytest.approx(3)
