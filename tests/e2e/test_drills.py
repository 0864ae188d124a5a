"""The drills, shortened: `scripts/drill` has them in full, and the lines that only a quiet machine can meet."""

import asyncio

from cluster.drills import faults, outage, overload, restart, soak, tenants
from cluster.drills.site import Site


def missed(found):
    print(found.report())
    return [line for line, met in found.held.items() if not met]


def test_what_was_accepted_ends_once_though_everything_was_killed(tmp_path):
    assert missed(restart.drill(tmp_path, {}, jobs=8, kills=1, seed=1)) == []


def test_nothing_accepted_is_lost_while_the_store_is_away(world):
    s3, service = world
    assert missed(asyncio.run(outage.take_away(s3, service.url, away_s=5, around_s=2, orders_per_s=1))) == []


def test_ten_times_the_capacity_is_refused_and_what_is_accepted_completes(tmp_path):
    assert missed(overload.drill(tmp_path, {}, seconds=8, queue=4)) == []


def test_a_soak_has_no_error(service):
    assert missed(asyncio.run(soak.soak(service, minutes=0.15, share=0.8))) == []


def test_a_process_that_gains_more_than_a_mb_a_minute_is_found():
    """After a first quarter that warms it up; one that lives too short for a slope is passed over."""
    minutes = [n / 10 for n in range(200)]
    steady = [(minute, min(100 + 50 * minute, 200) + (-1) ** n) for n, minute in enumerate(minutes)]
    leaking = [(minute, 100 + 1.5 * minute) for minute in minutes]
    slopes = soak.slopes({"steady": steady, "leaking": leaking, "short": leaking[:20]})
    assert abs(slopes["steady"]) < 0.1
    assert slopes == {"steady": slopes["steady"], "leaking": 1.5}


def test_a_key_that_floods_is_refused_at_its_limit_and_another_is_served(keyed_service):
    assert missed(asyncio.run(tenants.flood(keyed_service.url, "We meet again.", orders=3, share=0.25))) == []


def test_nothing_accepted_is_lost_though_rays_control_service_dies(tmp_path):
    assert missed(faults.drill(tmp_path, {}, fault=["gcs"], times=1)) == []


def test_nothing_accepted_is_lost_though_the_controller_dies(world):
    s3, service = world
    site = Site(service, s3, "talking-posters", receiver=None)
    assert missed(asyncio.run(faults.strike(site, ["controller"], times=1))) == []
