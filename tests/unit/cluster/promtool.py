"""Runs promtool, Prometheus' own checker."""

import subprocess


def promtool(*arguments, folder=None):
    """Its exit status and all that it said."""
    done = subprocess.run(["promtool", *map(str, arguments)], check=False, capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout + done.stderr
