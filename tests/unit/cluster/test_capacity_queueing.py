import math

import numpy as np
import pytest

from cluster.capacity.queueing import Deterministic, Queue, erlang_c
from cluster.capacity.simulation import waits_s
from cluster.capacity.traces import p95_s, representative
from cluster.capacity.validation import equal, exponential, rows

MIX = np.concatenate([np.full(50, 0.5), np.full(30, 1.0), np.full(20, 2.0)]) * np.linspace(0.9, 1.1, 100)


@pytest.mark.parametrize(
    ("places", "erlangs", "waits"),
    [(1, 0.5, 0.5), (2, 1.0, 1 / 3), (5, 4.0, 0.5541), (10, 8.0, 0.4092)],
)
def test_the_share_that_waits_is_that_of_erlangs_tables(places, erlangs, waits):
    assert erlang_c(places, erlangs / places) == pytest.approx(waits, abs=1e-4)


@pytest.mark.parametrize("load", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("places", [1, 2, 4, 16])
def test_exponential_service_times_give_the_wait_of_m_m_c(places, load):
    exactly_s = max(0.0, math.log(erlang_c(places, load) / 0.05) / (places * (1 - load)))
    assert Queue(places, load, exponential()).wait_s(0.95) == pytest.approx(exactly_s, rel=0.01)


def test_one_place_and_equal_service_times_give_the_wait_of_m_d_1():
    # Erlang, 1909: up to one service time, P(W <= x) = (1 - load) exp(load x).
    assert Queue(1, 0.5, equal()).wait_s(0.6) == pytest.approx(math.log(0.6 / 0.5) / 0.5, rel=0.01)
    assert Deterministic(1, 0.5).within(0.4) == pytest.approx(0.5 * math.exp(0.2), abs=1e-6)


def test_the_mean_wait_is_pollaczek_and_khinchines():
    assert Queue(1, 0.9, equal()).mean_wait_s() == pytest.approx(4.5)
    assert Queue(1, 0.9, exponential()).mean_wait_s() == pytest.approx(9.0, rel=0.01)


def test_the_p95_wait_is_that_of_a_simulation():
    found = rows({"equal": equal(), "mix": MIX, "exponential": exponential()}, runs=256, customers=2000)
    assert len(found) == 36
    far = [row for row in found if abs(row.model - row.simulation) > 0.03 * row.simulation + 0.01]
    assert far == []


def test_one_place_is_played_as_several_are():
    rng = np.random.default_rng(1)
    arrivals_s, service_s = np.cumsum(rng.exponential(1, 200)), rng.uniform(0.5, 1.2, 200)
    free_s = 0.0
    for arrival_s, holds_s, wait_s in zip(arrivals_s, service_s, waits_s(arrivals_s, service_s, 1), strict=True):
        assert wait_s == pytest.approx(max(0.0, free_s - arrival_s))
        free_s = arrival_s + wait_s + holds_s


def test_two_places_serve_in_the_order_of_arrival():
    waits = waits_s(np.array([0.0, 0.0, 0.0, 1.0]), np.array([3.0, 1.0, 1.0, 1.0]), 2)
    assert waits.tolist() == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("places", [1, 2])
def test_a_representative_trace_has_the_models_p95_wait(places):
    trace = representative(MIX, places, 0.9, count=300, seeds=150)
    assert trace.arrivals_s.size == 300
    assert trace.arrivals_s[-1] <= trace.seconds == pytest.approx(300 * MIX.mean() / (places * 0.9))
    assert trace.off < 0.12
    expected_s = Queue(places, 0.9, MIX).wait_s(0.95)
    assert p95_s(trace.arrivals_s, MIX, places, 0.95, draws=20, seed=999) == pytest.approx(expected_s, rel=0.2)


@pytest.mark.parametrize(
    ("places", "load", "service_s", "says"),
    [
        (0, 0.5, [1.0], "place"),
        (1, 1.0, [1.0], "grow for ever"),
        (1, 0.0, [1.0], "between 0 and 1"),
        (1, math.nan, [1.0], "between 0 and 1"),
        (1, 0.5, [], "service times"),
        (1, 0.5, [1.0, 0.0], "above 0 s"),
    ],
)
def test_what_is_no_queue_is_refused(places, load, service_s, says):
    with pytest.raises(ValueError, match=says):
        Queue(places, load, np.array(service_s))
