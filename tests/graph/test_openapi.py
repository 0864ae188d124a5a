"""Schemathesis finds nothing: what scripts/fuzz-api does at length, in short."""

import pytest
from fuzz_api import ENV, KEYED, fuzz

from cluster.testbed.service import local_service


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service of its own, with keys: posters and videos are deleted at random."""
    with local_service(tmp_path_factory.mktemp("fuzzed"), args=KEYED, env=ENV) as running:
        yield running


def test_schemathesis_finds_nothing_in_any_phase_with_all_checks(service, tmp_path):
    report = fuzz(service.url, tmp_path, 3, "--generation-deterministic")
    assert report["failures"] == [], (tmp_path / "fuzz.log").read_text()
    assert {phase["status"] for phase in report["phases"].values()} == {"success"}
    assert report["exit_code"] == 0
    assert report["operations"]["tested"] == report["operations"]["total"] >= 22
    assert report["test_cases"]["generated"] > 500
