"""Upgrades the service in the middle of the work, its settings and then its code: no request fails, nothing is lost.

Replicas are replaced as configs/production.yaml has it.
"""

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

import yaml

from cluster.drills.load import Load, percentile_ms, slowest_s
from cluster.drills.world import Found, all_completed, client, ended, playable
from cluster.testbed.nodes import LocalCluster, cluster_config, local_cluster
from cluster.testbed.service import ROOT

HEAD_CPUS = 8  # by name: old and new replicas stand beside each other
ARGS = {"lipsync": {"engine": "preview"}}
REPLACED_BY = ("max_surge_percent", "graceful_shutdown_timeout_s")
LOOKS_PER_S = 10.0
AROUND_S = 5.0
LIMIT_S = 300.0
DEPLOY_WITHIN_S = 300.0

SETTINGS = {"JobsStage": {"user_config": {"queue": 300}}}
CODE = {"env_vars": {"TALKING_POSTER_CODE": "2"}}
"""Another environment: Serve replaces every replica, as it does for other code."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--orders-per-s", type=float, default=0.5, help="(default: 0.5)")


def drill(folder: Path, env: dict[str, str], *, orders_per_s: float = 0.5) -> Found:
    """Load a service, upgrade it twice; then let it finish, and look at what there is."""
    with local_cluster(folder, HEAD_CPUS, env) as nodes:
        nodes.deploy(_config(nodes))
        nodes.wait_deployed()
        nodes.wait_ready()
        return asyncio.run(_upgraded(nodes, orders_per_s))


async def _upgraded(nodes: LocalCluster, orders_per_s: float) -> Found:
    async with client(nodes.url) as http:
        load = Load(http, "Number {} came while it was upgraded.")
        await load.order()
        old = _replicas(nodes)
        async with load.steady({load.order: orders_per_s, load.look: LOOKS_PER_S}):
            await asyncio.sleep(AROUND_S)
            settings_s = await asyncio.to_thread(_deploy, nodes, _config(nodes, SETTINGS))
            kept = _replicas(nodes)
            await asyncio.sleep(AROUND_S)
            code_s = await asyncio.to_thread(_deploy, nodes, _config(nodes, SETTINGS, CODE))
            await asyncio.sleep(AROUND_S)
        new = _replicas(nodes)
        videos = await ended(http, load.accepted, LIMIT_S)
        played = [await playable(http, video) for video in videos]
    failed = [answer for answer in load.answers if not answer.ok]
    looks = load.of("look")
    figures = {
        "settings_s": settings_s,
        "code_s": code_s,
        "accepted": len(load.accepted),
        "looks": len(looks),
        "failed": len(failed),
        "how": sorted({str(answer.response and answer.response.status_code) for answer in failed}),
        "look_p50_ms": percentile_ms(looks, 0.5),
        "look_p99_ms": percentile_ms(looks, 0.99),
        "slowest_order_s": slowest_s(load.of("order")),
        "slowest_look_s": slowest_s(looks),
    }
    return Found(
        figures,
        {
            "no request failed": not failed,
            "new settings replaced no replica": kept == old,
            "new code replaced every replica": not new & old,
            "every accepted video is completed": all_completed(videos),
            "every accepted video plays": all(played),
        },
        {},
    )


def _config(
    nodes: LocalCluster, options: dict[str, Any] | None = None, runtime_env: dict[str, Any] | None = None
) -> dict[str, Any]:
    """`configs/local.yaml`, its replicas replaced as in production."""
    production = yaml.safe_load((ROOT / "configs" / "production.yaml").read_text())["applications"][0]["deployments"]
    ways = {each["name"]: {key: each[key] for key in REPLACED_BY if key in each} for each in production}
    config = cluster_config(
        nodes, "local.yaml", ARGS, **{name: ways[name] | (options or {}).get(name, {}) for name in ways}
    )
    config["applications"][0]["runtime_env"] = runtime_env or {}
    return config


def _deploy(nodes: LocalCluster, config: dict[str, Any]) -> float:
    """Deploy and wait for it; return the seconds."""
    began_s = time.monotonic()
    nodes.deploy(config)
    time.sleep(1.0)  # until Serve has taken it up
    nodes.wait_deployed(DEPLOY_WITHIN_S)
    return round(time.monotonic() - began_s, 1)


def _replicas(nodes: LocalCluster) -> set[str]:
    """The ids of all running replicas."""
    deployments = nodes.application()["deployments"]
    return {replica["replica_id"] for name in deployments for replica in nodes.running(name)}
