"""Breaks a service of its own on this machine, and looks what becomes of its jobs.

Exits with 1 if a line that must hold was not met.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from cluster.drills import faults, outage, overload, restart, scaling, soak, tenants, upgrade

DRILLS = {
    "restart": restart,
    "outage": outage,
    "overload": overload,
    "soak": soak,
    "tenants": tenants,
    "faults": faults,
    "upgrade": upgrade,
    "scaling": scaling,
}


def options() -> tuple[str, bool, bool, dict[str, float]]:
    """Which drill, whether to print JSON, whether without HAProxy, and the drill's own numbers."""
    parser = argparse.ArgumentParser(prog="scripts/drill", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    for name, module in DRILLS.items():
        drill = what.add_parser(name, help=module.__doc__.splitlines()[0], description=module.__doc__)
        drill.add_argument("--json", action="store_true", help="print one JSON object")
        drill.add_argument("--no-haproxy", action="store_true", help="by Serve's own proxy, not by HAProxy")
        module.add_options(drill)
    given = vars(parser.parse_args())
    return given.pop("what"), given.pop("json"), given.pop("no_haproxy"), given


def main() -> None:
    """Run the drill that was asked for."""
    what, as_json, without, numbers = options()
    env = {"RAY_SERVE_ENABLE_HA_PROXY": "0"} if without else {}
    with tempfile.TemporaryDirectory() as folder:
        found = DRILLS[what].drill(Path(folder), env, **numbers)
    print(json.dumps({what: found.as_json() | {"haproxy": not without}}) if as_json else found.report())
    sys.exit(1 if found.missed() else 0)


if __name__ == "__main__":
    main()
