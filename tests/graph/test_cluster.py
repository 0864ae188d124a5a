"""configs/gpu.yaml on nodes with GPUs by name: who sits where, what is said when nothing fits, and a burst."""

import asyncio
import re
import time

import httpx
import psutil
import pytest

from cluster.drills.world import client, ended, order
from cluster.testbed import steady
from cluster.testbed.nodes import cluster_config, local_cluster

CPU_STAGES = ("Ingress", "JobsStage", "StorageStage", "SpeechStage", "FacesStage", "VideoStage")
QUICK = {
    "RAY_SERVE_SLOW_STARTUP_WARNING_S": "4",
    "RAY_SERVE_SLOW_STARTUP_WARNING_PERIOD_S": "2",
    "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "0.5",
}
LITTLE_CPU = {name: {"ray_actor_options": {"num_cpus": 0.05}} for name in CPU_STAGES}
SCALING = {
    "policy": {  # the same in all tests: with another one Serve takes all stages for other code
        "policy_function": "deployments.lipsync.autoscaling:QueuedFrames",
        "policy_kwargs": {"frames_per_replica": 16},  # a chunk: texts are spoken one at a time
    },
    "look_back_period_s": 2,
    "upscale_delay_s": 0,
    "downscale_delay_s": 4,
}
WITHIN_S = 180


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """A head without GPUs, and a node with two."""
    with local_cluster(tmp_path_factory.mktemp("nodes"), head_cpus=1, env=QUICK) as running:
        running.add_node(cpus=2, gpus=2)
        yield running


def config(nodes, gpus, least, most):
    """configs/gpu.yaml without weights, its lip-sync replicas of that share of a GPU, and what a video waits for."""
    bounds = {"min_replicas": least, "max_replicas": most}
    lipsync = {"ray_actor_options": {"num_cpus": 0.1, "num_gpus": gpus}, "autoscaling_config": bounds | SCALING}
    args = {"lipsync": {"engine": "preview"}, "device_frames_per_s": 30}
    return cluster_config(nodes, "gpu.yaml", args, steady.APPLICATION, LipsyncStage=lipsync, **LITTLE_CPU)


def gpus_of(nodes):
    """The GPU of each running lip-sync replica, as the replica itself was told."""
    logs = [nodes.log_of(replica) for replica in nodes.running("LipsyncStage")]
    return [re.search(r"GPUs: \['(\d+)'\], a share of ([\d.]+)", log).groups() for log in logs]


def test_a_burst_starts_three_more_replicas_beside_the_first_and_ends_them_and_no_request_fails(nodes):
    nodes.deploy(config(nodes, 0.25, least=1, most=4))
    nodes.wait_deployed()
    assert len(nodes.running("LipsyncStage")) == 1
    seats, videos = asyncio.run(burst(nodes))
    assert len(seats) == 4
    assert {float(share) for _, share in seats} == {0.25}
    assert len({gpu for gpu, _ in seats}) == 1
    assert [video["status"] for video in videos] == ["completed"] * len(videos)
    wait_for(lambda: len(nodes.running("LipsyncStage")), lambda count: count == 1)


def test_four_replicas_of_half_a_gpu_sit_on_two_and_cpu_stages_see_none(nodes):
    nodes.deploy(config(nodes, 0.5, least=4, most=4))
    nodes.wait_deployed()
    seats = gpus_of(nodes)
    assert len(seats) == 4
    assert {float(share) for _, share in seats} == {0.5}
    assert len({gpu for gpu, _ in seats}) == 2
    for stage in CPU_STAGES:
        for replica in nodes.running(stage):
            assert psutil.Process(replica["pid"]).environ()["CUDA_VISIBLE_DEVICES"] == ""


def test_readiness_says_in_words_what_cannot_be_placed(nodes):
    nodes.deploy(config(nodes, 0.5, least=6, most=6))
    told = wait_for(lambda: stages(nodes)["LipsyncStage"], lambda state: "GPU" in state)
    assert told.startswith("ready, but")  # four of six are there
    assert "scheduled" in told
    assert '"GPU": 0.5' in told
    for replica in nodes.running("LipsyncStage"):
        psutil.Process(replica["pid"]).kill()
    nodes.deploy(config(nodes, 3, least=1, most=1))
    told = wait_for(lambda: stages(nodes)["LipsyncStage"], lambda state: '"GPU": 3' in state)
    assert not told.startswith("ready")
    assert httpx.get(f"{nodes.url}/readyz", timeout=30).status_code == 503


async def burst(nodes):
    """Eight orders at once; the seats of the replicas when they were most, and the videos as they ended."""
    text = "Number {} of many who came when the doors of the exhibition were opened this morning, and it talks on."
    async with client(nodes.url) as http:
        accepted = await asyncio.gather(*(order(http, text.format(number)) for number in range(8)))
        assert {answer.status_code for answer in accepted} == {202}
        videos = asyncio.create_task(ended(http, [answer.json()["id"] for answer in accepted], WITHIN_S))
        most = []
        while not videos.done():
            most = max(most, await asyncio.to_thread(gpus_of, nodes), key=len)
            await asyncio.sleep(0.2)
        return most, await videos


def stages(nodes):
    return httpx.get(f"{nodes.url}/readyz", timeout=30).json()["stages"]


def wait_for(look, seen):
    deadline = time.monotonic() + WITHIN_S
    while not seen(value := look()):
        assert time.monotonic() < deadline, value
        time.sleep(0.5)
    return value
