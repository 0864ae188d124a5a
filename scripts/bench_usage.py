"""What a running service uses: CPU-seconds and memory by stage, and the machine that it runs on."""

import os
import platform
from pathlib import Path
from typing import Any

import psutil
import torch

from cluster.testbed.service import LocalService

STAGES = {
    "ingress": "Ingress",
    "jobs": "JobsStage",
    "storage": "StorageStage",
    "speech": "SpeechStage",
    "faces": "FacesStage",
    "lipsync": "LipsyncStage",
    "video": "VideoStage",
}
"""Deployments by the name of their stage."""


class Usage:
    """The replicas of each stage, as they were when this was made: one video at a time starts no others."""

    def __init__(self, service: LocalService) -> None:
        self._replicas = {stage: service.replicas(deployment) for stage, deployment in STAGES.items()}

    def cpu_s(self) -> dict[str, float]:
        """CPU-seconds by stage since its replicas started, in user and in kernel mode."""
        return {stage: sum(_cpu_s(process) for process in found) for stage, found in self._replicas.items()}

    def memory_mb(self) -> dict[str, float]:
        """The MB that a replica of each stage has for itself alone: resident less shared."""
        return {stage: round(max(map(_own_mb, found)), 1) for stage, found in self._replicas.items()}


def machine() -> dict[str, Any]:
    """Its processor, the cores that this process may use, its memory in GiB, and its GPU, if it has one."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _own_mb(process: psutil.Process) -> float:
    held = process.memory_info()
    return float(held.rss - held.shared) / 2**20


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
