import asyncio
import contextlib

import pytest

from deployments.video.window import ahead, windowed


class Calls:
    """Calls that count how many of them run."""

    def __init__(self, number, failing=None):
        self.running = self.most = self.started = self.cancelled = 0
        self.list = [lambda i=i: self._call(i, i == failing) for i in range(number)]

    async def _call(self, i, fails):
        self.started += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0.001 * (1 + 7 * i % 5))
            if fails:
                raise ValueError(i)
            return i
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1


async def each(items):
    for item in items:
        yield item


@pytest.mark.parametrize("window", [1, 2, 3])
def test_results_come_in_order_with_a_full_window_and_no_more(window):
    calls = Calls(12)

    async def collect():
        return [result async for result in windowed(each(calls.list), window)]

    assert asyncio.run(collect()) == list(range(12))
    assert calls.most == window


def test_fewer_calls_than_the_window():
    async def collect(number):
        return [result async for result in windowed(each(Calls(number).list), 2)]

    assert asyncio.run(collect(1)) == [0]
    assert asyncio.run(collect(0)) == []


def test_a_slow_consumer_lets_nothing_pile_up():
    calls = Calls(10)

    async def consume():
        taken = 0
        async for _ in windowed(each(calls.list), 2):
            taken += 1
            await asyncio.sleep(0.02)
            assert calls.started <= taken + 2

    asyncio.run(consume())
    assert calls.started == 10


def test_the_next_call_runs_while_the_consumer_works():
    calls = Calls(3)

    async def consume():
        async for result in windowed(each(calls.list), 2):
            if result == 0:
                await asyncio.sleep(0.05)
                assert calls.started == 3

    asyncio.run(consume())


def test_a_failure_cancels_the_rest():
    calls = Calls(10, failing=3)

    async def consume():
        async with contextlib.aclosing(windowed(each(calls.list), 3)) as results:
            return [result async for result in results]

    with pytest.raises(ValueError, match="3"):
        asyncio.run(consume())
    assert calls.running == 0
    assert calls.started <= 6


def test_a_consumer_that_stops_cancels_what_runs():
    calls, cancelled = Calls(1), []

    async def endless():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def consume():
        async with contextlib.aclosing(windowed(each([calls.list[0], endless, endless]), 2)) as results:
            async for _ in results:
                await asyncio.sleep(0)  # the third call starts
                break

    asyncio.run(consume())
    assert cancelled == [True, True]


def test_a_cancelled_consumer_cancels_what_runs():
    calls = Calls(10)

    async def consume():
        async for _ in windowed(each(calls.list), 2):
            await asyncio.sleep(0)

    async def main():
        task = asyncio.create_task(consume())
        await asyncio.sleep(0.004)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return calls.running

    assert asyncio.run(main()) == 0
    assert calls.started < 10


def test_calls_that_are_not_known_yet_keep_no_finished_result_waiting():
    calls, late = Calls(2), asyncio.Event()

    async def told_late():
        yield calls.list[0]
        await late.wait()
        yield calls.list[1]

    async def consume():
        taken = []
        async for result in windowed(told_late(), 2):
            taken.append(result)
            late.set()
        return taken

    assert asyncio.run(asyncio.wait_for(consume(), 5)) == [0, 1]


def test_calls_that_end_with_an_error_give_what_came_before_it():
    async def broken():
        yield Calls(1).list[0]
        raise ValueError("no more")

    async def consume(taken):
        async for result in windowed(broken(), 2):
            taken.append(result)

    taken = []
    with pytest.raises(ValueError, match="no more"):
        asyncio.run(consume(taken))
    assert taken == [0]


def test_work_goes_ahead_of_its_consumer_and_ends_with_it():
    made, ended = [], []

    async def making():
        try:
            for number in range(5):
                made.append(number)
                yield number
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def consume():
        async with contextlib.aclosing(ahead(making())) as items:
            assert await anext(items) == 0
            await asyncio.sleep(0.01)
            assert made == [0, 1, 2, 3, 4]
            assert [await anext(items) for _ in range(4)] == [1, 2, 3, 4]

    asyncio.run(asyncio.wait_for(consume(), 5))
    assert ended == [True]
