from types import SimpleNamespace

import pytest

from cluster.testbed import steady
from cluster.testbed.steady import SteadyEngine

DEVICE_FRAMES_PER_S = 40.0


class Clock:
    """Stands still but for what is slept and what engines take."""

    def __init__(self):
        self.now_s = 100.0

    def monotonic(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(steady, "time", clock)
    return clock


class Engine:
    name, version, batch_frames = "engine", "7", 16

    def __init__(self, clock, takes_s):
        self._clock, self._takes_s = clock, takes_s

    def animate_together(self, calls):
        self._clock.sleep(self._takes_s)
        return [f"mouths of {face}" for face, _ in calls]


def took_s(clock, engine):
    began_s = clock.now_s
    calls = [("one", SimpleNamespace(frames=12)), ("another", SimpleNamespace(frames=4))]
    assert engine.animate_together(calls) == ["mouths of one", "mouths of another"]
    return clock.now_s - began_s


@pytest.mark.parametrize("takes_s", [0.0, 0.1, 0.3])
def test_a_batch_takes_as_long_as_the_device_however_fast_the_engine_is(clock, takes_s):
    assert took_s(clock, SteadyEngine(Engine(clock, takes_s), DEVICE_FRAMES_PER_S)) == pytest.approx(0.4)


def test_an_engine_that_is_slower_is_not_made_slower(clock):
    assert took_s(clock, SteadyEngine(Engine(clock, 0.7), DEVICE_FRAMES_PER_S)) == pytest.approx(0.7)


def test_it_goes_by_the_engines_name(clock):
    engine = SteadyEngine(Engine(clock, 0.1), DEVICE_FRAMES_PER_S)
    assert (engine.name, engine.version, engine.batch_frames) == ("engine", "7", 16)
