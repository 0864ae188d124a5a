"""From a demand and measured times: places, replicas, GPUs, nodes and money.

A video holds one of `places` (`jobs.running`) from its turn to its end; that is the only queue. Each stage behind it is
sized for all places taken: where a video spends s of the h seconds that it holds its place in a stage, that stage has
`places * s / h` replicas, rounded up. A replica is taken to keep one core busy, and a lip-sync replica its share of a
GPU. So no stage is busier than the places are, and none is waited for on average.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cluster.capacity.demand import Demand, Node
from cluster.capacity.measured import Times
from cluster.capacity.queueing import Queue, Samples

FRONT = ("ingress", "jobs", "storage")
"""Stages that every order passes, a cache hit, too: how much of their time that takes is taken to be that of all."""

BEHIND = ("speech", "faces", "lipsync", "video")

HOURS_A_MONTH = 730.0

PERCENTILE = 0.95

T4_FLOPS = 65e12
"""What an NVIDIA T4 does in float16 at most: its data sheet."""

T4_REACHED = 0.1
"""How much of it the network is assumed to reach: nobody has run it there."""

FLOP_A_FRAME = 4.52e9
"""Of the generator without Winograd's filtering: docs/decisions/0005."""


@dataclass(frozen=True)
class Gpu:
    """`frames_per_s` mouths that the network makes on one GPU, and where that is from; it is divided among replicas.

    Raises `ValueError` for what cannot be meant.
    """

    frames_per_s: float = T4_FLOPS * T4_REACHED / FLOP_A_FRAME
    source: str = "assumed: a tenth of a T4's 65 TFLOP/s, at 4.52 GFLOP a frame"
    replicas: int = 4

    def __post_init__(self) -> None:
        if not (math.isfinite(self.frames_per_s) and self.frames_per_s > 0):
            raise ValueError(f"a GPU's frames a second must be above 0, not {self.frames_per_s:g}")
        if self.replicas < 1:
            raise ValueError(f"a GPU has at least one replica, not {self.replicas}")


@dataclass(frozen=True)
class Video:
    """What one video takes that is made, on average over its lengths, on the node that is planned with.

    `held_s` are the times that it holds its place, `cpu_s` CPU-seconds by stage of the measured machine, `gpu_s`
    seconds of a whole GPU.
    """

    held_s: Samples
    cpu_s: dict[str, float]
    gpu_s: float

    @property
    def place_s(self) -> float:
        """The mean time that it holds its place, in seconds."""
        return float(self.held_s.mean())

    @classmethod
    def of(cls, times: Times, demand: Demand, node: Node, gpu: Gpu) -> "Video":
        """On a node with a GPU, `generate` takes what a replica's share of it takes, and as long of a core.

        What runs beside it (`encode`) may then be the longer of the two; all else stays as it was measured.
        """
        cpu_s = {stage: _mean(line.at(s) for s in demand.speech_s) for stage, line in times.cpu_s.items()}
        if not node.gpus:
            held_s = np.array([times.held_s.at(s) for s in demand.speech_s]) / node.core_speed
            return cls(_spread(held_s, times), cpu_s, 0.0)
        share_s = [times.fps * s / gpu.frames_per_s * gpu.replicas for s in demand.speech_s]
        held_s = np.array(
            [_held_with_gpu_s(times, s, on_gpu_s, node) for s, on_gpu_s in zip(demand.speech_s, share_s, strict=True)]
        )
        host_s = _mean(share_s) * node.core_speed
        return cls(_spread(held_s, times), cpu_s | {"lipsync": host_s}, _mean(share_s) / gpu.replicas)


@dataclass(frozen=True)
class Plan:
    """What a demand takes on nodes of a kind. Raises `ValueError` where the one jobs replica would be too busy."""

    times: Times
    demand: Demand
    node: Node
    gpu: Gpu

    def __post_init__(self) -> None:
        if (busy := self._front("jobs")) > 1:
            raise ValueError(
                f"the jobs stage is one replica (docs/decisions/0001): {self.demand.asked_per_s:.0f} orders a second"
                f" would take {busy:.1f} of it; divide the demand among several installations"
            )

    @cached_property
    def video(self) -> Video:
        """What one video takes."""
        return Video.of(self.times, self.demand, self.node, self.gpu)

    @cached_property
    def places(self) -> int:
        """`jobs.running`: the fewest at which neither the highest load nor the wait is exceeded."""
        places = max(1, math.ceil(self._taken / self.demand.max_load - 1e-9))
        while self._queue(places).wait_s(PERCENTILE) > self.demand.wait_s:
            places += 1
        return places

    @property
    def queue(self) -> Queue:
        """The queue for a place in the busiest hour."""
        return self._queue(self.places)

    @cached_property
    def replicas(self) -> dict[str, int]:
        """By stage, in the busiest hour."""
        front = {stage: self._front(stage) for stage in FRONT}
        behind = {stage: self._all_places(self.video.cpu_s[stage]) / self.node.core_speed for stage in BEHIND}
        if self.node.gpus:
            behind["lipsync"] = self._all_places(self.video.gpu_s) * self.gpu.replicas
        return {stage: max(1, math.ceil(busy - 1e-9)) for stage, busy in (front | behind).items()}

    @property
    def gpus(self) -> float:
        """GPUs that the lip-sync replicas hold."""
        return self.replicas["lipsync"] / self.gpu.replicas if self.node.gpus else 0.0

    @property
    def cores(self) -> float:
        """Cores of the measured machine, kept busy with all places taken."""
        front = sum(self._front(stage) * self.node.core_speed for stage in FRONT)
        return front + sum(self._all_places(self.video.cpu_s[stage]) for stage in BEHIND)

    @property
    def memory_mb(self) -> float:
        """Memory of all replicas."""
        return sum(count * self.times.memory_mb[stage] for stage, count in self.replicas.items())

    @property
    def needs(self) -> dict[str, float]:
        """Nodes, not rounded, by what they are needed for."""
        needs = {"cores": self.cores / self.node.cores, "memory": self.memory_mb / self.node.lent_mb}
        return needs | ({"GPUs": self.gpus / self.node.gpus} if self.node.gpus else {})

    @property
    def bound_by(self) -> str:
        """What the nodes run out of first."""
        return max(self.needs, key=lambda what: self.needs[what])

    @property
    def nodes(self) -> int:
        """For the busiest hour; the head of the cluster is one of them."""
        return math.ceil(max(self.needs.values()) - 1e-9)

    @property
    def usd_per_month(self) -> float:
        """Of these nodes all the month."""
        return self.nodes * self.node.usd_per_h * HOURS_A_MONTH

    @property
    def usd_per_video(self) -> float:
        """The month's money by the month's videos, cache hits among them."""
        return self.usd_per_month / (self.demand.videos_per_h * HOURS_A_MONTH)

    @property
    def full_videos_per_h(self) -> float:
        """Orders an hour at which these nodes are full, places being taken for `max_load` of the time."""
        a_node = self.node.cores / sum(self.video.cpu_s.values())
        if self.node.gpus:
            a_node = min(a_node, self.node.gpus / self.video.gpu_s)
        return self.nodes * a_node * self.demand.max_load * 3600 / (1 - self.demand.hit_share)

    @property
    def usd_per_video_full(self) -> float:
        """What a video costs then."""
        return self.nodes * self.node.usd_per_h / self.full_videos_per_h

    def in_average_hour(self) -> "Plan":
        """The plan of an hour that is not the busiest, for nodes that come and go."""
        return replace(self, demand=replace(self.demand, peak_factor=1.0))

    @property
    def _taken(self) -> float:
        """Places taken on average in the busiest hour."""
        return self.demand.made_per_s * self.video.place_s

    def _queue(self, places: int) -> Queue:
        return Queue(places, self._taken / places, self.video.held_s)

    def _front(self, stage: str) -> float:
        """Replicas of a stage before the queue, not rounded."""
        busy_s = _mean(self.times.cpu_s[stage].at(s) for s in self.demand.speech_s) / self.node.core_speed
        return self.demand.asked_per_s * busy_s / self.demand.max_load

    def _all_places(self, busy_s: float) -> float:
        """How many are busy at once with something that takes so much of a video, all places being taken."""
        return self.places * busy_s / self.video.place_s


def _held_with_gpu_s(times: Times, speech_s: float, on_gpu_s: float, node: Node) -> float:
    encode_s, held_s = times.encode_s.at(speech_s), times.held_s.at(speech_s)
    besides_s = max(0.0, held_s - max(times.generate_s.at(speech_s), encode_s))
    return besides_s / node.core_speed + max(on_gpu_s, encode_s / node.core_speed)


def _spread(held_s: Samples, times: Times) -> Samples:
    return np.outer(held_s, times.spread).ravel()


def _mean(values: Iterable[float]) -> float:
    return float(np.mean([*values]))
