"""A Ray cluster of several nodes on this machine, each with CPUs and GPUs that exist by name only.

Ray places replicas on them as on real ones, and a node that is killed takes its replicas with it.
"""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from ray._private.node import Node
from ray.cluster_utils import Cluster

from cluster.testbed.service import MARK, ROOT, Installation, configured, environment, free_port, merged

APPLICATION = "talking-photo"
DEPLOY_WITHIN_S = 180.0


class LocalCluster(Installation):
    """A running cluster: `url` is where the service listens, `dashboard_url` where Ray does."""

    def __init__(self, cluster: Cluster, url: str, folder: Path, mark: str) -> None:
        super().__init__(url, mark)
        self.cluster = cluster
        self.folder = folder
        self.dashboard_url = f"http://{cluster.head_node.webui_url}"
        token = Path.home() / ".ray" / "auth_token"
        headers = {"authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}
        self._dashboard = httpx.Client(base_url=self.dashboard_url, headers=headers, timeout=60)

    def add_node(self, cpus: float, gpus: float = 0) -> Node:
        """Start another node."""
        return self.cluster.add_node(num_cpus=cpus, num_gpus=gpus)

    def kill_node(self, node: Node) -> None:
        """SIGKILL everything that runs on a node."""
        self.cluster.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        """End every process of it."""
        self._dashboard.close()
        self.kill()
        self.cluster.shutdown()  # takes note of their end

    def deploy(self, config: dict[str, Any]) -> None:
        """Have Serve run a config, in place of the one before, as `serve deploy` does; does not wait for it."""
        self._dashboard.put("/api/serve/applications/", json=config).raise_for_status()

    def application(self) -> dict[str, Any]:
        """What Serve tells of the application: its status, and each deployment with its replicas."""
        answer = self._dashboard.get("/api/serve/applications/").raise_for_status()
        return dict(answer.json()["applications"].get(APPLICATION, {}))

    def deployment(self, name: str) -> dict[str, Any]:
        """What Serve tells of a deployment."""
        return dict(self.application().get("deployments", {}).get(name, {"replicas": []}))

    def running(self, name: str) -> list[dict[str, Any]]:
        """The running replicas of a deployment, with `node_id`, `pid` and `log_file_path`."""
        return [replica for replica in self.deployment(name)["replicas"] if replica["state"] == "RUNNING"]

    def wait_deployed(self, within_s: float = DEPLOY_WITHIN_S) -> None:
        """Wait until every deployment is as the config wants it. Raises with what Serve says otherwise."""
        deadline_s = time.monotonic() + within_s
        while (state := self.application()).get("status") != "RUNNING":
            if time.monotonic() > deadline_s or state.get("status") == "DEPLOY_FAILED":
                raise RuntimeError(f"not deployed: {state.get('status')}: {state.get('message')}")
            time.sleep(0.5)

    def wait_ready(self, within_s: float = DEPLOY_WITHIN_S) -> None:
        """Wait until /readyz says 200."""
        deadline_s = time.monotonic() + within_s
        while not self.is_ready():
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"not ready: {self.application()}")
            time.sleep(0.5)

    def log_of(self, replica: dict[str, Any]) -> str:
        """What a replica has logged."""
        session = Path(self.cluster.head_node.get_session_dir_path())
        return (session / "logs" / replica["log_file_path"].lstrip("/")).read_text()


def cluster_config(
    running: LocalCluster,
    config: str = "local.yaml",
    args: dict[str, Any] | None = None,
    import_path: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """A config file's content for that cluster, `configured`; `options` are laid over deployments by their names."""
    content = configured(running.folder, config, httpx.URL(running.url).port or 0, args, import_path)
    content["proxy_location"] = "HeadOnly"  # one port, one proxy: the nodes share this machine
    application = content["applications"][0]
    named = application["deployments"]
    application["deployments"] = [merged(each, options.get(each["name"], {})) for each in named]
    return content


@contextlib.contextmanager
def local_cluster(folder: Path, head_cpus: float = 4, env: dict[str, str] | None = None) -> Iterator[LocalCluster]:
    """Start a head node and nothing on it. Yields what more nodes and configs can be given to."""
    url, mark = f"http://127.0.0.1:{free_port()}", uuid.uuid4().hex
    own = {MARK: mark, "PYTHONPATH": str(ROOT)} | environment() | (env or {})
    with _set(own):
        head = {
            "num_cpus": head_cpus,
            "include_dashboard": True,
            "gcs_server_port": free_port(),
            "dashboard_port": free_port(),
        }
        try:
            cluster = Cluster(initialize_head=True, head_node_args=head, shutdown_at_exit=False)
            with contextlib.closing(LocalCluster(cluster, url, folder, mark)) as running:
                yield running
        finally:
            Installation(url, mark).kill()  # what has started, where the start failed


@contextlib.contextmanager
def _set(variables: dict[str, str]) -> Iterator[None]:
    """Have these environment variables during the block: nodes that are started in it inherit them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
