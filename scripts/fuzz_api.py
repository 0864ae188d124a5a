"""Fuzzes the API of a service of its own with schemathesis: every check and phase, without keys and with two of them.

What it is told of this service is in schemathesis.toml. It deletes what it finds: never point it at a service in use.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from cluster.testbed.service import ROOT, local_service

KEYS = {"one": "key-of-the-fuzzer", "other": "key-of-another"}
ENV = {f"KEY_{name.upper()}": key for name, key in KEYS.items()}
ENV |= {"SIGNING_SECRET": "s" * 40, "WEBHOOK_SECRETS": "whsec_" + base64.b64encode(bytes(32)).decode()}
AT_ONCE: dict[str, Any] = {"http": {"wait_s": 0.2}}
"""Orders are answered before they are done: what is fuzzed is the API, not the rendering."""

KEYED = AT_ONCE | {
    "access": {
        "keys": [{"name": name, "env": f"KEY_{name.upper()}", "requests_per_minute": 1_000_000} for name in KEYS]
    },
    "webhooks": {"secrets_env": "WEBHOOK_SECRETS"},
}


def fuzz(url: str, folder: Path, examples: int, *options: str) -> dict[str, Any]:
    """Schemathesis' report on the service at `url`. What it says goes to `fuzz.log` in `folder`.

    Raises `RuntimeError` with that when it cannot begin.
    """
    document, report = folder / "openapi.json", folder / "fuzz.json"
    document.write_text(httpx.get(f"{url}/openapi.json", headers=_headers(KEYS["one"])).text)
    with (folder / "fuzz.log").open("w") as log:
        subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "run", str(document), "--url", url),
                *("--max-examples", str(examples), "--continue-on-failure", "--no-color"),
                *("--report-json-path", str(report), *options),
            ],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT / "scripts"), "FUZZ_KEYS": str(_write_keys(folder))},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if not report.exists():
        raise RuntimeError((folder / "fuzz.log").read_text())
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _write_keys(folder: Path) -> Path:
    """The keys as Web Fuzzing Commons has them, which is how schemathesis takes several."""
    path = folder / "keys.json"
    headers = {
        name: [{"name": header, "value": value} for header, value in _headers(key).items()]
        for name, key in KEYS.items()
    }
    path.write_text(json.dumps({"auth": [{"name": name, "fixedHeaders": headers[name]} for name in KEYS]}))
    return path


def _told(report: dict[str, Any]) -> str:
    operations, cases = report["operations"]["tested"], report["test_cases"]
    return (
        f"{operations} operations, {cases['generated']} cases, {cases['unique_failures']} failures, "
        f"{report['running_time']:.0f} s, seed {report['seed']}"
    )


def main() -> int:
    """Fuzz both services; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz-api", description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=200, help="cases for each operation and phase (default: 200)")
    parser.add_argument("--seed", help="of an earlier run, to repeat it")
    given = parser.parse_args()
    options = ("--seed", given.seed) if given.seed else ()
    failed = False
    for name, args in (("without keys", AT_ONCE), ("with keys", KEYED)):
        with tempfile.TemporaryDirectory() as path, local_service(Path(path), args=args, env=ENV) as service:
            report = fuzz(service.url, Path(path), given.examples, *options)
            print(f"{name}: {_told(report)}", flush=True)
            if report["exit_code"]:
                failed = True
                print((Path(path) / "fuzz.log").read_text())
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
