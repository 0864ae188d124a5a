"""What is asked of the service, and what it runs on."""

import math
from dataclasses import dataclass


def _check(what: str, value: float, above: float, most: float) -> None:
    if not (math.isfinite(value) and above < value <= most):
        raise ValueError(f"{what}: must be above {above:g} and at most {most:g}, not {value:g}")


@dataclass(frozen=True)
class Demand:
    """Orders of videos.

    `videos_per_h` on average, `peak_factor` times as many in the busiest hour, `hit_share` of them made already; each
    with one of `speech_s` seconds of speech, all as likely.
    `wait_s` is the wait for a place that 95 % of those that are made shall not exceed, `max_load` how much of the time
    the places are taken at most. Raises `ValueError` for what cannot be meant.
    """

    videos_per_h: float
    speech_s: tuple[float, ...]
    hit_share: float = 0.0
    peak_factor: float = 1.0
    wait_s: float = 2.0
    max_load: float = 0.9

    def __post_init__(self) -> None:
        _check("videos an hour", self.videos_per_h, 0, 1e7)
        for seconds in self.speech_s:
            _check("seconds of speech", seconds, 0, 600)
        if not self.speech_s:
            raise ValueError("seconds of speech: at least one length is needed")
        if not 0 <= self.hit_share < 1:
            raise ValueError(f"the share of cache hits is at least 0 and below 1, not {self.hit_share:g}")
        if not 1 <= self.peak_factor <= 1000:
            raise ValueError(f"the peak factor is at least 1 and at most 1000, not {self.peak_factor:g}")
        _check("seconds of wait", self.wait_s, 0, 7200)
        if not 0 < self.max_load < 1:
            raise ValueError(f"the highest load lies between 0 and 1, not at {self.max_load:g}")

    @property
    def asked_per_s(self) -> float:
        """Orders a second in the busiest hour."""
        return self.videos_per_h * self.peak_factor / 3600

    @property
    def made_per_s(self) -> float:
        """Those of them that are made."""
        return self.asked_per_s * (1 - self.hit_share)


@dataclass(frozen=True)
class Node:
    """A machine to rent. `core_speed` is how fast one of its vCPUs is, by a core of the measured machine.

    `free_share` of its vCPUs and memory is left to the system and to Ray. Raises `ValueError` for what cannot be meant.
    """

    name: str
    vcpus: int
    memory_gib: float
    gpus: int
    usd_per_h: float
    price_source: str = "list price, us-east-1, on demand"
    core_speed: float = 1.0
    free_share: float = 0.2

    def __post_init__(self) -> None:
        _check("dollars an hour", self.usd_per_h, 0, 1000)
        _check("a vCPU's speed", self.core_speed, 0, 10)
        if not 0 <= self.free_share < 1:
            raise ValueError(f"the share left free is at least 0 and below 1, not {self.free_share:g}")

    @property
    def cores(self) -> float:
        """Cores of the measured machine that it can lend."""
        return self.vcpus * self.core_speed * (1 - self.free_share)

    @property
    def lent_mb(self) -> float:
        """Memory that it can lend."""
        return self.memory_gib * 1024 * (1 - self.free_share)


NODES = {
    "g4dn.xlarge": Node("g4dn.xlarge", 4, 16, 1, 0.526),  # one NVIDIA T4
    "m7i.xlarge": Node("m7i.xlarge", 4, 16, 0, 0.2016, "assumed: a list price that nobody looked up"),  # no GPU
}
"""AWS's on-demand prices of Linux in us-east-1: no spot, no savings plan, no disks or traffic."""
