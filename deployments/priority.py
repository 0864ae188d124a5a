"""Who goes first on a busy machine: requests, then renders."""

import os

NICE = 19
"""The lowest priority, a seventieth of the usual share (see sched(7)): renders yield to requests at once, yet are not
stopped by a flood of them, as the class SCHED_IDLE would be. At 10, a status took three times as long under load."""


def give_way() -> None:
    """Let this thread, and those that it starts, yield the processor to whoever answers requests.

    A stage's own work runs in such threads; those by which Ray answers for the replica keep their place.
    """
    os.setpriority(os.PRIO_PROCESS, 0, NICE)  # of the calling thread: Linux has a priority for each
