"""The names under which metrics reach Prometheus: the project's, from its code, and Ray's, from its package."""

import re
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from deployments.meters import JobMeters, LipsyncMeters

SUFFIXES = {"Counter": ("_total",), "Gauge": ("",), "Histogram": ("_bucket", "_sum", "_count")}
"""What Ray's exporter appends: seen at a running service."""

PROMETHEUS = {"up"}


def kinds(seen):
    """Like `ray.serve.metrics`, but for what it does: notes each metric's kind and tags by its name."""

    def noting(kind):
        def make(name, description, *rest):
            seen[name] = (kind, rest[-1])

        return make

    return SimpleNamespace(**{kind: noting(kind) for kind in SUFFIXES})


def custom():
    """The project's metrics: the kind and the tags by name."""
    seen = {}
    LipsyncMeters(kinds(seen))
    JobMeters(kinds(seen))
    return seen


def exported(metrics):
    """The names of their series by the metric's name."""
    return {name: {f"ray_{name}{suffix}" for suffix in SUFFIXES[kind]} for name, (kind, _) in metrics.items()}


def of_ray():
    """Every name that a metric of Serve, or of a Ray node, may have: the literals in Ray's own code."""
    root = Path(find_spec("ray").origin).parent
    files = [*root.glob("serve/**/*.py"), root / "dashboard" / "modules" / "reporter" / "reporter_agent.py"]
    literal = re.compile(r'"((?:serve|node|cluster|component)_[\w{}.()]+)"')
    literals = {name for path in files for name in literal.findall(path.read_text())}
    names = {re.sub(r"\{[^{}]*\}", "http", name) for name in literals}  # f"serve_num_{protocol}_requests"
    return {f"ray_{name}{suffix}" for name in names for kind in SUFFIXES.values() for suffix in kind}


def used(expression):
    """The metrics that a PromQL expression names."""
    bare = re.sub(r'"[^"]*"', "", expression)  # no label's value
    bare = re.sub(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)", "", bare)  # no label's name
    bare = re.sub(r"\{[^}]*\}", "", bare)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w|\s*\()", bare)
    return {word for word in words if word not in {"and", "or", "unless", "bool"}}
