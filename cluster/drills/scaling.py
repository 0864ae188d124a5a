"""Gives 1 to 8 lip-sync replicas as much work each, chunks of a fixed time: all are busy, nothing is lost on the way.

The generator sleeps, so that eight of them fit two cores: what is measured is Serve's routing and the stage's batches.
"""

import argparse
from pathlib import Path
from typing import Any

import httpx

from cluster.drills.world import Found
from cluster.testbed.nodes import LocalCluster, local_cluster

REPLICAS = (1, 2, 4, 8)
CALLERS_PER_REPLICA = 6
"""Calls in flight for each replica: a queue, as three videos with two chunks asked for each make one."""

EFFICIENT, BUSY = 0.90, 0.95
HEAD_CPUS = 8  # by name
WARM_S = 2.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement (default: 20)")
    parser.add_argument("--chunk-s", type=float, default=0.3, help="a chunk's time (default: 0.3)")


def drill(
    folder: Path,
    env: dict[str, str],
    *,
    seconds: float = 20.0,
    chunk_s: float = 0.3,
    replicas: tuple[int, ...] = REPLICAS,
) -> Found:
    """Measure each number of replicas on one cluster."""
    with local_cluster(folder, HEAD_CPUS, env) as nodes:
        per_s = {count: _chunks_per_s(nodes, count, chunk_s, seconds) for count in replicas}
    first = min(replicas)
    efficiency = {count: round(rate / count / (per_s[first] / first), 3) for count, rate in per_s.items()}
    busy = {count: round(rate * chunk_s / count, 3) for count, rate in per_s.items()}
    return Found(
        {
            "chunk_s": chunk_s,
            "chunks_per_s": {count: round(rate, 2) for count, rate in per_s.items()},
            "efficiency": efficiency,
            "busy": busy,
        },
        {},
        {
            f"{max(replicas)} replicas are at least {EFFICIENT:.0%} as efficient as {first}": efficiency[max(replicas)]
            >= EFFICIENT,
            f"replicas are busy for at least {BUSY:.0%} of the time": min(busy.values()) >= BUSY,
        },
    )


def _chunks_per_s(nodes: LocalCluster, replicas: int, chunk_s: float, seconds: float) -> float:
    nodes.deploy(_config(nodes, replicas, chunk_s))
    nodes.wait_deployed()
    callers = CALLERS_PER_REPLICA * replicas
    for asked_s in (WARM_S, seconds):
        answer = httpx.get(nodes.url, params={"callers": callers, "seconds": asked_s}, timeout=10 * asked_s + 60)
        made: dict[str, float] = answer.raise_for_status().json()
    return made["chunks"] / made["seconds"]


def _config(nodes: LocalCluster, replicas: int, chunk_s: float) -> dict[str, Any]:
    little = {"ray_actor_options": {"num_cpus": 0.1}}
    lipsync = {
        "name": "LipsyncStage",
        "num_replicas": replicas,
        "max_ongoing_requests": 64,
        "request_router_config": {"initial_backoff_s": 0.005, "max_backoff_s": 0.02},
    }
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": "127.0.0.1", "port": httpx.URL(nodes.url).port},
        "applications": [
            {
                "name": "talking-photo",
                "import_path": "cluster.testbed.fixed_time:build",
                "args": {"chunk_s": chunk_s},
                "deployments": [{"name": "Callers"} | little, lipsync | little],
            }
        ],
    }
