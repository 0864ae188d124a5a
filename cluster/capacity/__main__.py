"""How many replicas, GPUs and nodes a demand takes, what that costs, and how long a video waits.

`plan` computes it from what `scripts/bench pipeline --json` measured; `check` holds the waits against a real service,
`validate` against simulations.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cluster.capacity import agreement, real_run, report, validation
from cluster.capacity.demand import NODES, Demand, Node
from cluster.capacity.measured import Times
from cluster.capacity.plan import Gpu, Plan


def main(argv: Sequence[str] | None = None) -> int:
    """Do what was asked for; 1 if the model and a real run do not agree, 2 if nothing can be computed of it."""
    given = _options().parse_args(argv)
    try:
        result: int = given.run(given)
    except ValueError as error:
        print(f"capacity: {error}", file=sys.stderr)
        return 2
    return result


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cluster.capacity", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    _plan_options(what)
    _check_options(what)
    _validate_options(what)
    return parser


def _plan_options(what: Any) -> None:
    parser = what.add_parser("plan", help="replicas, GPUs, nodes and money for a demand")
    parser.set_defaults(run=_plan)
    _times_options(parser)
    parser.add_argument("--videos-per-h", type=float, required=True, help="asked for, on average")
    parser.add_argument("--speech-s", type=float, nargs="+", required=True, help="seconds of speech, all as likely")
    parser.add_argument("--hit-share", type=float, default=0.0, help="of them made already (default: 0)")
    parser.add_argument("--peak-factor", type=float, default=1.0, help="busiest hour by the average (default: 1)")
    parser.add_argument("--wait-s", type=float, default=2.0, help="the p95 wait that is allowed (default: 2)")
    parser.add_argument("--max-load", type=float, default=0.9, help="of the places (default: 0.9)")
    parser.add_argument("--node", choices=NODES, default="g4dn.xlarge", help="(default: g4dn.xlarge)")
    parser.add_argument("--usd-per-h", type=float, help="what a node costs you (default: its list price)")
    parser.add_argument("--core-speed", type=float, default=1.0, help="a vCPU by a measured core (default: 1)")
    parser.add_argument("--gpu-frames-per-s", type=float, help="mouths a GPU makes (default: measured, or assumed)")
    parser.add_argument("--replicas-per-gpu", type=int, default=4, help="4 are num_gpus: 0.25 (default: 4)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _times_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--times", type=Path, required=True, help="what scripts/bench pipeline --json wrote")
    parser.add_argument("--size", help="of the videos, as 512x512 (default: the file's first)")


def _check_options(what: Any) -> None:
    parser = what.add_parser("check", help="the p95 wait of the model, a simulation and a real service")
    parser.set_defaults(run=_check)
    parser.add_argument("--loads", type=float, nargs="+", default=[0.5, 0.7, 0.9], help="(default: 0.5 0.7 0.9)")
    parser.add_argument("--jobs", type=int, default=400, help="orders at each load (default: 400)")
    parser.add_argument("--before", type=int, default=80, help="orders that measure beforehand (default: 80)")
    parser.add_argument("--places", type=int, default=1, help="jobs.running of the service (default: 1)")
    parser.add_argument(
        "--device-frames-per-s",
        type=float,
        default=35.0,
        help="the lip-sync device's steady speed; 0 is this machine's own, unsteady one (default: 35)",
    )
    parser.add_argument("--records", type=Path, help="append each load's times to this file, a line of JSON each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _validate_options(what: Any) -> None:
    parser = what.add_parser("validate", help="the p95 wait of the model and of a long simulation")
    parser.set_defaults(run=_validate)
    _times_options(parser)
    parser.add_argument("--speech-s", type=float, nargs="+", default=[7.0], help="seconds of speech (default: 7)")
    parser.add_argument("--runs", type=int, default=1000, help="of 4000 customers each (default: 1000)")


def _plan(given: argparse.Namespace) -> int:
    demand = Demand(
        videos_per_h=given.videos_per_h,
        speech_s=tuple(given.speech_s),
        hit_share=given.hit_share,
        peak_factor=given.peak_factor,
        wait_s=given.wait_s,
        max_load=given.max_load,
    )
    times = Times.read(given.times, given.size)
    plan = Plan(times, demand, _node(given), _gpu(given, times))
    print(json.dumps({"capacity": report.as_json(plan)}) if given.json else report.as_text(plan))
    return 0


def _node(given: argparse.Namespace) -> Node:
    node = replace(NODES[given.node], core_speed=given.core_speed)
    return node if given.usd_per_h is None else replace(node, usd_per_h=given.usd_per_h, price_source="given")


def _gpu(given: argparse.Namespace, times: Times) -> Gpu:
    """Its speed as given, as measured, or as assumed."""
    if given.gpu_frames_per_s is not None:
        return Gpu(given.gpu_frames_per_s, "given", given.replicas_per_gpu)
    if (measured := times.gpu_frames_per_s()) is not None:
        return Gpu(measured, f"measured: {times.gpu}, one video at a time", given.replicas_per_gpu)
    return Gpu(replicas=given.replicas_per_gpu)


def _check(given: argparse.Namespace) -> int:
    if wrong := [load for load in given.loads if not 0 < load < 1]:
        raise ValueError(f"a load lies between 0 and 1, not at {wrong[0]:g}")
    if min(given.jobs, given.before, given.places) < 1:
        raise ValueError("--jobs, --before and --places must be at least 1")
    if given.device_frames_per_s < 0:
        raise ValueError(f"--device-frames-per-s must not be below 0, as {given.device_frames_per_s:g} is")
    with tempfile.TemporaryDirectory() as folder:
        found = real_run.check(
            Path(folder),
            given.loads,
            given.jobs,
            given.before,
            given.places,
            device_frames_per_s=given.device_frames_per_s,
            records=given.records,
        )
    result = agreement.as_json(found)
    print(json.dumps({"capacity": result}) if given.json else agreement.as_text(found))
    return 0 if result["agree"] else 1


def _validate(given: argparse.Namespace) -> int:
    times = Times.read(given.times, given.size)
    measured = np.outer([times.held_s.at(seconds) for seconds in given.speech_s], times.spread).ravel()
    services = {"equal": validation.equal(), "measured": measured, "exponential": validation.exponential()}
    print(validation.as_text(validation.rows(services, given.runs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
