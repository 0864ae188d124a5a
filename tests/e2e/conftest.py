"""Services beside the first: one with a real S3 server and with Wav2Lip, one with API keys and webhooks."""

import keyed
import pytest
from seeded_checkpoint import seeded_weights, write_checkpoint

from cluster.testbed.s3 import s3_server
from cluster.testbed.service import local_service


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """`serve run configs/local-minio.yaml` with the four MINIO_* variables and a checkpoint."""
    folder = tmp_path_factory.mktemp("minio")
    write_checkpoint(folder / "wav2lip_gan.pth", seeded_weights())
    args = {"lipsync": {"checkpoint": str(folder / "wav2lip_gan.pth")}}
    with s3_server() as s3:
        env = s3.environment("talking-posters")
        with local_service(folder, config="local-minio.yaml", args=args, env=env) as service:
            yield s3, service


@pytest.fixture(scope="session")
def keyed_service(tmp_path_factory):
    """`serve run configs/local.yaml` with what `keyed` tells."""
    folder = tmp_path_factory.mktemp("keyed")
    with local_service(folder, args=keyed.ARGS, env=keyed.ENV) as running:
        yield running
