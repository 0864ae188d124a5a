"""A real S3 server for tests and drills: ministack in a process of its own, which verifies every signature."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import botocore.session
import httpx

from cluster.testbed.service import MARK, free_port

REGION = "us-east-1"
START_S = 60.0


class S3Server:
    """Where the server is (host:port), and a user who may do everything with S3.

    What it holds lies under `folder`, and is there again after `stop` and `start`.
    """

    def __init__(self, folder: Path) -> None:
        self.endpoint = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self.start()
        self.access_key, self.secret_key = _new_user(self.endpoint)

    def start(self) -> None:
        """Run it on its port, and wait until it answers."""
        own = {"GATEWAY_PORT": self.endpoint.partition(":")[2], "TMPDIR": str(self._folder)}
        fixed = {"AUTH": "true", "BIND_HOST": "127.0.0.1", "SERVICES": "s3,iam"}
        kept = {"S3_PERSIST": "1", "S3_DATA_DIR": str(self._folder / "objects")}
        kept |= {"PERSIST_STATE": "1", "STATE_DIR": str(self._folder / "state")}
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env={name: value for name, value in os.environ.items() if name != MARK} | own | fixed | kept,
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        _wait_until_healthy(self.endpoint, self._process)

    def stop(self) -> None:
        """End its process; its port is closed."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def environment(self, bucket: str) -> dict[str, str]:
        """What the service needs to use a bucket of it."""
        return {
            "MINIO_ENDPOINT": self.endpoint,
            "MINIO_ACCESS_KEY": self.access_key,
            "MINIO_SECRET_KEY": self.secret_key,
            "MINIO_BUCKET": bucket,
        }


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server with empty storage; it ends with the block."""
    with TemporaryDirectory() as folder:
        server = S3Server(Path(folder))
        try:
            yield server
        finally:
            server.stop()


def _wait_until_healthy(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://{endpoint}/_ministack/health").is_success:
                return
        if process.poll() is not None:
            raise RuntimeError(f"ministack ended with {process.returncode}.")
        time.sleep(0.1)
    raise TimeoutError(f"ministack did not answer at {endpoint} in {START_S:g} s.")


def _new_user(endpoint: str) -> tuple[str, str]:
    """Return the keys of a user whose secret the server knows: its root's is never checked."""
    iam = botocore.session.get_session().create_client(
        "iam",
        region_name=REGION,
        endpoint_url=f"http://{endpoint}",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - any is taken
    )
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.create_user(UserName="talkar")
    iam.put_user_policy(UserName="talkar", PolicyName="s3", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="talkar")["AccessKey"]
    iam.close()
    return key["AccessKeyId"], key["SecretAccessKey"]
