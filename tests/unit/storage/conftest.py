"""One S3 server for all storage tests, and each kind of store, empty."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cluster.testbed.s3 import S3Server, s3_server
from deployments.storage.disk import DiskStore
from deployments.storage.minio import MinioStore
from deployments.storage.store import Store


@pytest.fixture(scope="session")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
def minio_store(server: S3Server) -> MinioStore:
    return MinioStore(server.endpoint, server.access_key, server.secret_key, f"bucket-{uuid4().hex}")


@pytest.fixture(params=["disk", "minio"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "disk":
        return DiskStore(tmp_path / "objects")
    return request.getfixturevalue("minio_store")
