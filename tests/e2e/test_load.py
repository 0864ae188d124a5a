"""The exhibition, shortened: `scripts/load` has it in full, and the line that only a quiet machine can meet."""

import argparse

import pytest

from cluster.load.__main__ import visited
from cluster.load.plan import Phases, Visitors, add_options
from cluster.load.report import found

HEADER = "Type,Name,Request Count,Failure Count,50%,95%,99%"


def given(**chosen):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return argparse.Namespace(**(vars(parser.parse_args([])) | chosen))


def table(folder, *rows):
    path = folder / "load_stats.csv"
    path.write_text("\n".join([HEADER, *rows]))
    return path


def test_visitors_come_order_wait_and_play(service, tmp_path):
    """Every request is a success, and those for what others had made are answered at once."""
    result = visited(service.url, tmp_path, given(minutes=0.2, burst_s=4, per_s=1, times=3, pairs=2))
    print(result.report())
    assert [line for line, met in result.held.items() if not met] == []
    assert {"content", "to the video, new"} <= set(result.figures)


def test_a_service_that_is_not_there_is_a_failure(tmp_path):
    result = visited("http://127.0.0.1:9", tmp_path, given(minutes=0.05, per_s=10, times=1))
    assert not result.held["no request failed"]


def test_it_is_quiet_then_bursts_then_is_quiet_and_ends():
    phases = Phases.of(given(minutes=3, burst_s=60, per_s=0.5, times=8))
    assert [phases.sources(second) for second in (0, 59, 60, 119, 120, 179, 180)] == [1, 1, 8, 8, 1, 1, None]
    assert phases.visits == pytest.approx(0.5 * 60 + 4 * 60 + 0.5 * 60)
    assert Phases.of(given(minutes=0.3, burst_s=60)).burst_s == pytest.approx(6)


def test_arrivals_are_a_poisson_process():
    """The gaps of an exponential distribution have a mean and a deviation of 1 / rate."""
    visitors = Visitors(pairs=5, seed=1)
    gaps_s = [visitors.gap_s(per_s=4.0) for _ in range(20_000)]
    mean_s = sum(gaps_s) / len(gaps_s)
    deviation_s = (sum((gap_s - mean_s) ** 2 for gap_s in gaps_s) / len(gaps_s)) ** 0.5
    assert (mean_s, deviation_s) == (pytest.approx(0.25, rel=0.03), pytest.approx(0.25, rel=0.03))


def test_four_of_five_ask_for_what_is_popular_by_zipf_and_the_fifth_for_something_new():
    visitors = Visitors(pairs=10, seed=3)
    asked = [visitors.next() for _ in range(20_000)]
    counts = [asked.count(pair) for pair in visitors.popular]
    assert sum(counts) / len(asked) == pytest.approx(0.8, abs=0.01)
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.1)
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.2)
    new = [pair for pair in asked if pair not in visitors.popular]
    assert len(set(new)) == len(new) > 0


def test_new_sentences_of_another_day_are_new_too():
    first, second = ({visitors.next() for _ in range(500)} for visitors in (Visitors(2, 1), Visitors(2, 2)))
    assert first & second == set(Visitors(2, 3).popular)


def test_each_line_can_be_missed(tmp_path):
    cached, new = 'POST,"mobile, cached",30,0,10,20,30', 'POST,"videos, new",70,0,10,20,2000'
    total, failed = ",Aggregated,100,0,10,20,2000", ",Aggregated,100,1,10,20,2000"
    in_time = "p99 of a cached answer within 250 ms"

    def missed(*rows, expected=100):
        return found(table(tmp_path, *rows), expected).missed()

    assert missed(cached, new, total) == []
    assert missed(cached, new, failed) == ["no request failed"]
    assert missed(cached.replace(",30,", ",300,"), new, total) == ["visitors came as planned"]
    assert missed(cached[:-2] + "300", new, total) == [in_time]
    assert missed(new, total, expected=70) == [in_time]
