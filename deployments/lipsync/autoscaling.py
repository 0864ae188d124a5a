"""How many lip-sync replicas there should be: by the work that waits, not by the number of calls.

A call may ask for one frame or for hundreds, and calls that wait in a replica are made together: their number tells
little. The frames that a replica was asked for and has not made yet tell how long it will be busy.
"""

from __future__ import annotations

from typing import Any

QUEUED_FRAMES = "queued_frames"
"""What a replica reports: frames asked for and not made yet."""


class QueuedFrames:
    """A policy for `autoscaling_config.policy`, whose `policy_kwargs` are the constructor's arguments.

    `frames_per_replica` is the backlog that a replica should have. A video keeps two chunks asked for, 32 frames: 64
    are two videos, which fill a batch on a CPU.
    """

    def __init__(self, frames_per_replica: float) -> None:
        if frames_per_replica <= 0:
            raise ValueError(f"frames_per_replica must be more than 0, not {frames_per_replica}")
        self._frames_per_replica = frames_per_replica

    def __call__(self, context: Any) -> tuple[float, dict[str, Any]]:  # noqa: ANN401 - Ray's AutoscalingContext
        """Return the replicas wanted, and nothing to remember. Serve applies bounds, delays and factors."""
        backlog = (context.aggregated_metrics or {}).get(QUEUED_FRAMES, {})
        running = {replica: frames for replica, frames in backlog.items() if replica in context.running_replicas}
        return sum(running.values()) / self._frames_per_replica, {}
