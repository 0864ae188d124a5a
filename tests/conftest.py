"""One running service for all tests that need one: the real graph, started as a developer starts it."""

import shutil

import httpx
import pytest

from local_service import local_service


def pytest_collection_modifyitems(items):
    """Skip what needs a Debian package that is not here, with the reason."""
    absent = [package for package in ("chromium", "ffmpeg") if shutil.which(package) is None]
    for item in items:
        for package in filter(item.get_closest_marker, absent):
            item.add_marker(pytest.mark.skip(reason=f"the Debian package {package} is not installed"))


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
