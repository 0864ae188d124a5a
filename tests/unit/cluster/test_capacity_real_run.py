from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from cluster.capacity import agreement
from cluster.capacity.agreement import Played, compare
from cluster.capacity.real_run import distinct_texts
from cluster.capacity.simulation import waits_s
from cluster.capacity.traces import representative

HELD_S = np.linspace(0.4, 0.6, 50)
STORED_S = 0.03


def records(arrivals_s, held_s, waited_s):
    """Videos as the API shows them, whose orders took `STORED_S` to be stored."""
    for arrival_s, holds_s, wait_s in zip(arrivals_s, held_s, waited_s, strict=True):
        moments = {
            "created_at": arrival_s - STORED_S,
            "started_at": arrival_s + wait_s,
            "finished_at": arrival_s + wait_s + holds_s,
        }
        stamps = {name: datetime.fromtimestamp(1e9 + at_s, UTC).isoformat() for name, at_s in moments.items()}
        yield {"status": "completed", "timings_s": {"total": wait_s + holds_s}, **stamps}


def played(trace, slower=1.0):
    held_s = np.random.default_rng(4).choice(HELD_S, trace.arrivals_s.size)
    waited_s = slower * waits_s(trace.arrivals_s, held_s, 1)
    return Played.of([*records(trace.arrivals_s, held_s, waited_s)][::-1]), held_s, waited_s


@pytest.fixture(scope="module")
def trace():
    return representative(HELD_S, 1, 0.9, count=300, seeds=60)


def test_a_record_tells_when_the_wait_began_how_long_it_was_and_how_long_the_place_was_held(trace):
    found, held_s, waited_s = played(trace)
    assert found.wait_s == pytest.approx(waited_s, abs=1e-4)
    assert found.held_s == pytest.approx(held_s, abs=1e-4)
    assert found.since_order_s == pytest.approx(waited_s + STORED_S, abs=1e-4)
    assert found.replay_off_s(1) < 1e-4


def test_a_service_that_waits_as_the_queue_does_agrees(trace):
    row = compare(0.9, 1, HELD_S, trace, played(trace)[0])
    assert row.agrees
    assert abs(row.real_by_simulation) < 0.1
    assert row.load == pytest.approx(0.9, rel=0.02)
    assert "agree within 20%" in agreement.as_text([row])


def test_a_service_that_waits_for_something_else_does_not(trace):
    row = compare(0.9, 1, HELD_S, trace, played(trace, slower=1.4)[0])
    assert not row.agrees
    assert row.replay_off_s > 0.1
    assert agreement.as_json([row])["agree"] is False
    assert "do NOT agree" in agreement.as_text([row])


def test_a_service_that_cannot_keep_up_does_not_agree(trace):
    slow = played(trace)[0]
    row = compare(0.9, 1, HELD_S, trace, replace(slow, held_s=1.3 * slow.held_s))
    assert not row.agrees
    assert agreement.as_json([row])["rows"][0]["model_s"] is None


def test_a_video_that_was_not_made_is_no_measurement():
    with pytest.raises(RuntimeError, match="1 of 1 videos were not made"):
        Played.of([{"status": "failed", "started_at": None}])


def test_no_two_orders_have_the_same_text():
    texts = [*distinct_texts()]
    assert len(texts) == len(set(texts)) > 3000
