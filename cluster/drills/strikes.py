"""The faults: what each kills or stops, and how it is replaced where Serve does not do it itself."""

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import psutil

from cluster.drills.site import PROXIES, WORKER_CPUS, Cluster, Site

STAGES = ("JobsStage", "VideoStage", "StorageStage", "LipsyncStage", "Ingress", "SpeechStage", "FacesStage")
AWAY_S = 5.0


class Strike(NamedTuple):
    """A fault: `what` it hits, how it does, how what is gone is replaced where Serve does not do it itself.

    The processes of `gone` must not be among those that run again. `door` tells that callers' connections end there.
    """

    what: str
    hit: Callable[[], None]
    replace: Callable[[], None] = lambda: None
    gone: frozenset[int] = frozenset()
    door: bool = False


def replica(site: Site, number: int) -> Strike:
    """SIGKILL of a replica, of each deployment by turns."""
    name = STAGES[number % len(STAGES)]
    return _killed(name, site.installation.replicas(name)[:1], door=name == "Ingress")


def node(site: Site, number: int) -> Strike:
    """SIGKILL of a node with all that runs on it, by turns the one with JobsStage; then another is started."""
    assert isinstance(site, Cluster)  # noqa: S101 - so are all faults of nodes
    victim = site.node(with_jobs=number % 2 == 0)
    raylet = psutil.Process(victim.all_processes["raylet"][0].process.pid)
    processes = [raylet, *raylet.children(recursive=True)]
    cluster = site.installation

    def hit() -> None:
        _kill(processes)  # Ray's own way leaves the workers a while
        cluster.kill_node(victim)

    pids = frozenset(process.pid for process in processes)
    what = "with JobsStage" if number % 2 == 0 else "the other"
    return Strike(what, hit, lambda: _ignore(cluster.add_node(WORKER_CPUS)), pids, door=True)


def controller(site: Site, number: int) -> Strike:
    """SIGKILL of Serve's controller."""
    return _killed("ServeController", site.installation.named("ray::ServeController"))


def gcs(site: Site, number: int) -> Strike:
    """SIGKILL of Ray's Global Control Service; 5 s later another takes over what it had stored."""
    assert isinstance(site, Cluster)  # noqa: S101 - no other site keeps its state
    head = site.installation.cluster.head_node

    def away() -> None:
        time.sleep(AWAY_S)
        head.start_gcs_server()

    return Strike("gcs_server", head.kill_gcs_server, away)


def proxy(site: Site, number: int) -> Strike:
    """SIGKILL of HAProxy, and by turns of the actor that starts and configures it; or of Serve's own proxy."""
    found = [(name, site.installation.named(name)) for name in PROXIES]
    there = [(name, processes) for name, processes in found if processes]
    if len(there) > 2:  # behind HAProxy there is Serve's own proxy, for when no replica of the ingress is left
        there = there[:2]
    name, processes = there[number % len(there)]
    return _killed(name.removeprefix("ray::").removesuffix(".cfg"), processes, door=True)


def storage(site: Site, number: int) -> Strike:
    """The S3 server is stopped for 5 s, then started again on its port with its data."""

    def away() -> None:
        time.sleep(AWAY_S)
        site.s3.start()

    return Strike("S3 server", site.s3.stop, away)


def stall(site: Site, number: int) -> Strike:
    """The S3 server stands still (SIGSTOP) for 5 s: it takes connections, and answers none."""
    servers = [child for child in psutil.Process().children(recursive=True) if "ministack" in " ".join(child.cmdline())]

    def hit() -> None:
        for server in servers:
            server.suspend()

    def away() -> None:
        time.sleep(AWAY_S)
        for server in servers:
            server.resume()

    return Strike("S3 server", hit, away)


def cluster(site: Site, number: int) -> Strike:
    """SIGKILL of every process of every node; then the cluster is started again, with the same config and storage."""
    assert isinstance(site, Cluster)  # noqa: S101 - so are all faults of nodes
    return Strike("all", site.installation.kill, site.start, door=True)


FAULTS = {each.__name__: each for each in (replica, node, controller, gcs, proxy, storage, stall, cluster)}


def _killed(what: str, processes: list[psutil.Process], door: bool = False) -> Strike:
    gone = frozenset(process.pid for process in processes)
    return Strike(what, lambda: _kill(processes), gone=gone, door=door)


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _ignore(_: object) -> None:
    """For what is called for its effect."""
