import pytest

from deployments.video import watch as module
from deployments.video.watch import Watch


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_what_runs_beside_itself_counts_once_and_other_names_are_apart(clock):
    watch = Watch()
    with watch.on("generate"):
        clock[0] = 1.0
        with watch.on("generate"), watch.on("encode"):
            clock[0] = 3.0
        clock[0] = 4.0
    clock[0] = 10.0
    with watch.on("generate"):
        clock[0] = 10.5
    assert watch.seconds == {"generate": 4.5, "encode": 2.0}


def test_what_fails_has_run_too(clock):
    watch = Watch()

    def store():
        with watch.on("store"):
            clock[0] = 2.0
            raise KeyError

    with pytest.raises(KeyError):
        store()
    assert watch.seconds == {"store": 2.0}
