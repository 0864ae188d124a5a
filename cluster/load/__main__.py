"""Loads a service as an exhibition does, by Locust: quiet, a burst as the doors open, quiet again.

Without --host it is a service of its own on this machine. Exits with 1 if a line that must hold was not met.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from cluster.drills.world import Found
from cluster.load.plan import Phases, add_options
from cluster.load.report import found
from cluster.testbed.service import ROOT, local_service

AFTER_S = 300.0
"""What a run may take beyond its minutes: the last visitors wait for their videos."""


def options() -> argparse.Namespace:
    """What can be chosen."""
    parser = argparse.ArgumentParser(prog="scripts/load", description=__doc__)
    parser.add_argument("--host", help="a service that runs already; API_KEY in the environment is its key")
    add_options(parser)
    parser.add_argument("--out", type=Path, help="where Locust's CSV tables stay")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def visited(host: str, folder: Path, given: argparse.Namespace) -> Found:
    """Run Locust in a process of its own, since it changes Python's sockets; its tables come into `folder`."""
    phases = Phases.of(given)
    chosen = {name: getattr(given, name) for name in ("minutes", "burst_s", "per_s", "times", "pairs", "seed")}
    chosen |= {"host": host, "csv": folder / "load", "loglevel": "WARNING", "exit_code_on_error": 0}
    options = [part for name, value in chosen.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    subprocess.run(
        [sys.executable, "-m", "locust", "-f", "cluster/load/locustfile.py", "--headless", "--only-summary", *options],
        cwd=ROOT,
        check=True,
        timeout=phases.total_s + AFTER_S,
        stdout=sys.stderr,
    )
    return found(folder / "load_stats.csv", phases.visits)


def main() -> None:
    """Load the service that was named, or one of its own."""
    given = options()
    with tempfile.TemporaryDirectory() as name:
        folder = given.out or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        own = local_service(Path(name), args={"lipsync": {"engine": "preview"}})
        with nullcontext() if given.host else own as service:
            result = visited(given.host or service.url, folder, given)
    print(json.dumps({"load": result.as_json()}) if given.json else result.report())
    sys.exit(1 if result.missed() else 0)


if __name__ == "__main__":
    main()
