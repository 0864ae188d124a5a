"""One running service for all tests that need one: the real graph, started as a developer starts it."""

import shutil
from importlib.util import find_spec

import httpx
import pytest

from cluster.testbed.service import espeak_ng, local_service


def pytest_collection_modifyitems(items):
    """Skip what needs a Debian package or an extra that is not here, with the reason.

    Unit tests go first, then what starts a service of its own: a shared one takes a fourth of a core all the while.
    """
    shared = ("keyed_service", "world", "service")
    items.sort(key=lambda item: ("unit" not in item.path.parts, *(name in item.fixturenames for name in shared)))
    programs = {
        "chromium": ("chromium", "chromium"),
        "ffmpeg": ("ffmpeg", "ffmpeg"),
        "espeak": ("espeak-ng", "espeak-ng"),
        "prometheus": ("prometheus", "promtool"),
    }
    absent = {
        marker: f"the Debian package {package} is not installed"
        for marker, (package, program) in programs.items()
        if shutil.which(program) is None
    }
    if find_spec("faster_whisper") is None:
        absent["speech_tests"] = (
            "the extra is not installed: .venv/bin/pip install -c constraints.txt -e '.[speech-tests]'"
        )
    for item in items:
        for marker in filter(item.get_closest_marker, absent):
            item.add_marker(pytest.mark.skip(reason=absent[marker]))


@pytest.fixture(scope="session")
def espeak_url():
    """The base URL of scripts/espeak-ng-server."""
    with espeak_ng() as environment:
        yield environment["ESPEAK_NG_URL"]


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """`serve run configs/local.yaml` on a free port, its data in a folder of its own."""
    with local_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def http(service):
    """A client of that service."""
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client
