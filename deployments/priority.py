"""Who goes first on a busy machine: requests, then renders."""

import os


def give_way() -> None:
    """Let this thread, and those that it starts, compute only while no request of the service wants the processor.

    A stage's own work runs in such threads; those by which Ray answers for the replica keep their place. Systems
    without the class SCHED_IDLE (see sched(7)) share as before.
    """
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
