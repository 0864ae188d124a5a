"""A real S3 server for tests: ministack in a process of its own, which verifies every signature."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import botocore.session
import httpx

from local_service import free_port

REGION = "us-east-1"
START_S = 60.0


class S3Server(NamedTuple):
    """Where the server is (host:port), and a user who may do everything with S3."""

    endpoint: str
    access_key: str
    secret_key: str


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server with empty storage; it ends with the block."""
    endpoint = f"127.0.0.1:{free_port()}"
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=os.environ
            | {
                "AUTH": "true",
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": endpoint.partition(":")[2],
                "SERVICES": "s3,iam",
                "TMPDIR": folder,
            },
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_healthy(endpoint, process)
            yield S3Server(endpoint, *_new_user(endpoint))
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_healthy(endpoint: str, process: subprocess.Popen) -> None:
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
        aws_secret_access_key="test",
    )
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.create_user(UserName="talkar")
    iam.put_user_policy(UserName="talkar", PolicyName="s3", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="talkar")["AccessKey"]
    iam.close()
    return key["AccessKeyId"], key["SecretAccessKey"]
