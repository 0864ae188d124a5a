"""What the fault drill breaks: an installation, its store, and what is known of the videos that it made."""

import contextlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from ray._private.node import Node

from cluster.drills.world import WEBHOOK_ENV, WITH_WEBHOOKS, wait_until, webhook_ids, written_at
from cluster.testbed.nodes import LocalCluster, cluster_config, local_cluster
from cluster.testbed.s3 import S3Server
from cluster.testbed.service import Installation, free_port
from cluster.testbed.webhooks import Receiver
from deployments.jobs.records import VideoRecord
from deployments.storage.minio import MinioStore

BUCKET = "drill"

PROXIES = ("haproxy.cfg", "ray::HAProxyManager", "ray::ProxyActor")
"""What the command lines of the proxies have: HAProxy, what starts and configures it, and Serve's own."""

WORKERS = 2
WORKER_CPUS = 1
HEAD_CPUS = 0
"""No replica sits on the head, and those of all stages do not fit on one node."""

CPUS = {
    "Ingress": 0.1,
    "JobsStage": 0.1,
    "StorageStage": 0.1,
    "SpeechStage": 0.2,
    "FacesStage": 0.2,
    "LipsyncStage": 0.3,
    "VideoStage": 0.3,
}
REPLICAS = {"Ingress": 2}
"""As in production: one may die."""

READY_WITHIN_S = 180.0

BEGUN_AGAIN = re.compile(
    r"took up (?P<count>\d+) unfinished videos|(?:stage \w+|lip-sync|drive|speech) failed, trying once more"
)
COMPLETED = re.compile(r"video (\w+) completed with")


class Site:
    """What faults are done to, and what is known of its videos: when the content of each that ended was `written`."""

    def __init__(self, installation: Installation, s3: S3Server, bucket: str, receiver: Receiver | None) -> None:
        self.installation = installation
        self.s3 = s3
        self.store = MinioStore(s3.endpoint, s3.access_key, s3.secret_key, bucket)
        self.receiver = receiver
        self.written: dict[str, datetime | None] = {}
        self.accepted: list[str] = []
        self.logs: list[Path] = []
        """Folders."""
        self._proxies: list[str] = []

    def settle(self) -> None:
        """Take note which proxies there are while all is well."""
        self._proxies = [name for name in PROXIES if self.installation.named(name)]

    def whole(self, gone: frozenset[int]) -> bool:
        """Whether every part runs, none of them one of these processes, and it says that it is ready."""
        parts = ["ray::ServeController", *self._proxies]
        running = ({process.pid for process in self.installation.named(part)} for part in parts)
        return all(pids - gone for pids in running) and self.installation.is_ready()

    def note(self, video_ids: Iterable[str]) -> None:
        """Remember when the contents of these videos, which have ended, were written first."""
        for video_id in video_ids:
            record = VideoRecord.model_validate_json(self.store.read(f"videos/{video_id}.json"))
            if record.content_key not in self.written:
                self.written[record.content_key] = written_at(self.store, record.content_key)

    def told(self) -> dict[str, set[str]]:
        """By video, the ids under which its end was told."""
        return webhook_ids(self.receiver) if self.receiver else {}

    def logged(self) -> Iterator[str]:
        """The lines that the replicas have logged so far."""
        for path in (path for folder in self.logs for path in folder.glob("replica_*.log")):
            yield from path.read_text().splitlines()

    def begun_again(self) -> int:
        """How often a stage, or a whole video that had been accepted, was begun once more."""
        found = filter(None, map(BEGUN_AGAIN.search, self.logged()))
        return sum(int(match["count"] or 0) if match["count"] else 1 for match in found)


class Cluster(Site):
    """A head and two nodes, at one `url` also after all of it was killed and started again."""

    installation: LocalCluster

    def __init__(self, folder: Path, env: dict[str, str], s3: S3Server, receiver: Receiver) -> None:
        self._url = f"http://127.0.0.1:{free_port()}"
        self._folder, self._env = folder, env | s3.environment(BUCKET) | WEBHOOK_ENV
        self._until = contextlib.ExitStack()
        super().__init__(self._until.enter_context(self._cluster()), s3, BUCKET, receiver)
        try:
            self._install()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of it."""
        self._until.close()

    def start(self) -> None:
        """After all was killed: the same again."""
        self.stop()
        self.installation = self._until.enter_context(self._cluster())
        self._install()

    def _cluster(self) -> contextlib.AbstractContextManager[LocalCluster]:
        """A new one, whose Global Control Service keeps on the disk what it knows (in Ray's own RocksDB)."""
        kept = {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": tempfile.mkdtemp(prefix="gcs-", dir=self._folder)}
        return local_cluster(self._folder, HEAD_CPUS, self._env | kept)

    def _install(self) -> None:
        cluster = self.installation
        cluster.url = self._url
        for _ in range(WORKERS):
            cluster.add_node(WORKER_CPUS)
        self.logs.append(Path(cluster.cluster.head_node.get_session_dir_path()) / "logs" / "serve")
        options = {name: _options(name) for name in CPUS}
        cluster.deploy(cluster_config(cluster, "local-minio.yaml", WITH_WEBHOOKS, **options))
        cluster.wait_deployed()
        wait_until(cluster.is_ready, within_s=READY_WITHIN_S)

    def whole(self, gone: frozenset[int]) -> bool:
        """See `Site.whole`; every deployment has its replicas, too."""
        with contextlib.suppress(httpx.HTTPError):
            state = self.installation.application()
            running = Counter(
                name
                for name, deployment in state.get("deployments", {}).items()
                for replica in deployment["replicas"]
                if replica["state"] == "RUNNING" and replica["pid"] not in gone
            )
            wanted = {name: REPLICAS.get(name, 1) for name in CPUS}
            return state.get("status") == "RUNNING" and running == wanted and super().whole(gone)
        return False

    def node(self, with_jobs: bool) -> Node:
        """The node where the index of jobs is, or the other one."""
        of_jobs = self.installation.running("JobsStage")[0]["node_id"]
        nodes: list[Node] = self.installation.cluster.worker_nodes
        return next(node for node in nodes if (node.node_id == of_jobs) == with_jobs)


def _options(name: str) -> dict[str, Any]:
    replicas = REPLICAS.get(name, 1)
    return {
        "autoscaling_config": {"min_replicas": replicas, "max_replicas": replicas},
        "ray_actor_options": {"num_cpus": CPUS[name]},
    }
