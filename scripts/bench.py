"""Measures this machine: ratios within one run, because a machine is not equally fast all the time."""

import argparse
import json
import logging

import bench_api
import bench_batching
import bench_generator
import bench_pipeline
import bench_preview

BENCHMARKS = {
    "generator": bench_generator,
    "pipeline": bench_pipeline,
    "batching": bench_batching,
    "api": bench_api,
    "preview": bench_preview,
}


def options() -> argparse.Namespace:
    """What the caller gave."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    for name, module in BENCHMARKS.items():
        benchmark = what.add_parser(name, help=module.__doc__.splitlines()[0], description=module.__doc__)
        benchmark.add_argument("--json", action="store_true", help="print one JSON object")
        benchmark.add_argument("--rounds", type=int, default=3, help="how often each side is measured (default: 3)")
        module.add_options(benchmark)
    return parser.parse_args()


def main() -> None:
    """Run the benchmark that was asked for."""
    given = options()
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    benchmark = BENCHMARKS[given.what]
    result = benchmark.measure(given)
    print(json.dumps({given.what: result}) if given.json else benchmark.report(result))


if __name__ == "__main__":
    main()
