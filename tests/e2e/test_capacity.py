"""`python -m cluster.capacity check`, shortened: what it measures is the wait for a place."""

import asyncio
import itertools
import json

import numpy as np

from cluster.capacity.agreement import Played
from cluster.capacity.real_run import check, distinct_texts, play
from cluster.capacity.traces import Trace
from cluster.drills.world import client

PLACES = 4  # `jobs.running` where a config file does not say
JOBS = 10


async def _at_once(url) -> Played:
    texts = distinct_texts()
    async with client(url) as http:
        await play(http, texts, Trace(0, np.zeros(1), 1.0, 0.0))  # warm
        return await play(http, itertools.islice(texts, JOBS), Trace(0, np.zeros(JOBS), 1.0, 0.0))


def test_the_wait_in_the_records_is_that_for_a_place_and_nothing_else(service):
    played = asyncio.run(_at_once(service.url))
    assert (played.wait_s > 0.1).sum() >= JOBS - 2 * PLACES  # the third four wait for those before
    assert (np.sort(played.wait_s)[:PLACES] < 0.1).all()  # the first four have a place at once
    assert played.replay_off_s(PLACES) < 0.1


def test_a_check_plays_its_orders_to_a_service_whose_device_has_a_steady_speed(tmp_path):
    records = tmp_path / "records"
    (row,) = check(tmp_path, [0.5], 6, 3, 1, device_frames_per_s=100.0, records=records)
    played = json.loads(records.read_text())
    assert (row.load_asked, row.jobs) == (played["load"], len(played["held_s"])) == (0.5, 6)
    assert min(played["held_s"]) > 0.15  # 15 frames and more, at 100 a second
    assert row.replay_off_s < 0.1
