"""Renders give way to requests."""

import os
from concurrent.futures import ThreadPoolExecutor

from deployments.priority import NICE, give_way


def nice():
    return os.getpriority(os.PRIO_PROCESS, 0)


def niceness():
    """Of a thread that gives way, and of one that it starts then."""
    give_way()
    with ThreadPoolExecutor(1) as pool:
        return nice(), pool.submit(nice).result()


def test_a_thread_that_gives_way_and_those_it_starts_do_and_no_others():
    before = nice()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(niceness).result() == (NICE, NICE)
    assert nice() == before
