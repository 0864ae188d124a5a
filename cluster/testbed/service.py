"""Runs `serve run` with a config file on a free port, and stops all of it: for the demo, tests and benchmarks."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

ROOT = Path(__file__).resolve().parents[2]
MARK = "TALKING_POSTER_RUN"


class Installation:
    """Something that runs on this machine and answers at `url`; its processes have a mark in their environment."""

    def __init__(self, url: str, mark: str) -> None:
        self.url = url
        self._mark = mark

    def is_ready(self) -> bool:
        """Whether /readyz says 200."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        return False

    def processes(self) -> list[psutil.Process]:
        """Every process of it: they inherit the mark."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == self._mark:
                    found.append(process)
        return found

    def named(self, text: str) -> list[psutil.Process]:
        """The processes whose command line has this text."""
        named = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if text in " ".join(process.cmdline()):
                    named.append(process)
        return named

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """The replica processes of a deployment."""
        return self.named(f"ServeReplica:talking-photo:{deployment}")

    def kill(self) -> None:
        """SIGKILL every process of it, also those that are started meanwhile."""
        while left := self.processes():
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, 10)


class LocalService(Installation):
    """A running service: `ready_s` is how long it took, `log` what it printed."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path, mark: str) -> None:
        super().__init__(url, mark)
        self.process = process
        self.log = log
        self.ready_s = 0.0

    def wait_ready(self, timeout_s: float = 120) -> None:
        """Wait until /readyz says 200. Raises with the end of the log when the service ends or takes too long."""
        began = time.monotonic()
        while time.monotonic() - began < timeout_s and self.process.poll() is None:
            if self.is_ready():
                self.ready_s = time.monotonic() - began
                return
            time.sleep(0.5)
        raise RuntimeError(f"the service is not ready after {timeout_s} s:\n{self.log.read_text()[-4000:]}")


def free_port() -> int:
    """A TCP port that nobody listens on, below those that the system gives to any connection (ip(7): 32768 on)."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("", port))
            return port


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mapping by mapping."""
    both = {key: merged(base[key], value) for key, value in changes.items() if isinstance(base.get(key), dict)}
    return base | changes | both


def configured(
    folder: Path, config: str, port: int, args: dict[str, Any] | None = None, import_path: str | None = None
) -> dict[str, Any]:
    """A config file's content on that port, its data under `folder`, `args` laid over the file's own.

    `import_path` is what builds the application, if not what the file says.
    """
    content: dict[str, Any] = yaml.safe_load((ROOT / "configs" / config).read_text())
    content["http_options"]["port"] = port
    own: dict[str, Any] = {"jobs": {"cache_dir": str(folder / "cache")}}
    application = content["applications"][0]
    if application["args"]["storage"]["kind"] == "disk":
        own["storage"] = {"root": str(folder / "objects")}
    application["args"] = merged(merged(application["args"], own), args or {})
    if import_path:
        application["import_path"] = import_path
    return content


def environment() -> dict[str, str]:
    """What scripts/serve sets: HAProxy as the proxy, on ports of this run's own, and two arenas for malloc."""
    names = ("HAPROXY_METRICS", "HAPROXY_STATS", "FALLBACK_PROXY_HTTP", "FALLBACK_PROXY_GRPC")
    ports = {f"RAY_SERVE_{name}_PORT": str(free_port()) for name in names}
    first = free_port()  # the ingress replicas' own: another run's HAProxy would send its callers there
    ports |= {f"RAY_SERVE_DIRECT_INGRESS_{end}_HTTP_PORT": str(first + i) for end, i in (("MIN", 0), ("MAX", 50))}
    own = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_HAPROXY_BINARY_PATH": str(ROOT / "scripts" / "haproxy")}
    own |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # its python3
    fixed = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "2", "MALLOC_ARENA_MAX": "2"}
    return fixed | own | ports


@contextlib.contextmanager
def espeak_ng() -> Iterator[dict[str, str]]:
    """Run the espeak-ng server on a free port where espeak-ng is installed. Yields the variable that tells of it."""
    if shutil.which("espeak-ng") is None:
        yield {}
        return
    command = [str(ROOT / "scripts" / "espeak-ng-server"), "--port", "0", "--with-parent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield {"ESPEAK_NG_URL": process.stdout.readline().strip()}
        finally:
            process.terminate()


@contextlib.contextmanager
def local_service(
    folder: Path,
    *,
    config: str = "local.yaml",
    args: dict[str, Any] | None = None,
    env: dict[str, str] | None = None,
    import_path: str | None = None,
) -> Iterator[LocalService]:
    """Run a config file as it is `configured`, its log under `folder`, too. Yields when ready.

    `env` may set RAY_SERVE_ENABLE_HA_PROXY to 0, for Serve's own proxy as a bare `serve run` has it.
    """
    port = free_port()
    path = folder / config
    content = configured(folder, config, port, args, import_path)
    path.write_text(yaml.safe_dump(content))
    mark = uuid.uuid4().hex
    log = folder / "serve.log"
    with (
        espeak_ng() as voices,
        log.open("wb") as out,
        subprocess.Popen(
            [str(Path(sys.executable).with_name("serve")), "run", "--address", "local", str(path)],
            cwd=ROOT,
            env=os.environ | {MARK: mark} | environment() | voices | (env or {}),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        service = LocalService(process, f"http://127.0.0.1:{port}", log, mark)
        try:
            service.wait_ready()
            yield service
        finally:
            service.kill()
