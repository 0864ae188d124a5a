"""What a run of Locust came to, read from its table: figures, and lines that must hold."""

import csv
import math
from pathlib import Path
from typing import Any

from cluster.drills.world import Found

CACHED_WITHIN_MS = 250.0
DEVIATIONS = 5
"""How many standard deviations the number of visits may be off: a Poisson process's is the root of what is expected."""
CACHED = ("mobile, cached", "videos, cached")

Row = dict[str, str]


def found(stats: Path, expected: float) -> Found:
    """Judge `<prefix>_stats.csv`; `expected` is how many visits the plan foresees."""
    with stats.open(newline="") as lines:
        rows = {row["Name"]: row for row in csv.DictReader(lines)}
    total = rows.pop("Aggregated")
    orders = sum(_count(row) for name, row in rows.items() if name.startswith(("mobile", "videos")))
    cached_ms = max((_ms(rows[name], "99%") for name in CACHED if name in rows), default=math.inf)
    figures = {"visits": orders, "visits_expected": round(expected), "requests": _count(total)}
    return Found(
        figures | {name: _figures(row) for name, row in rows.items()},
        {
            "no request failed": int(total["Failure Count"]) == 0,
            "visitors came as planned": abs(orders - expected) <= DEVIATIONS * math.sqrt(expected),
        },
        {f"p99 of a cached answer within {CACHED_WITHIN_MS:g} ms": cached_ms < CACHED_WITHIN_MS},
    )


def _figures(row: Row) -> dict[str, Any]:
    quantiles = {f"p{share}_ms": _ms(row, f"{share}%") for share in (50, 95, 99)}
    return {"requests": _count(row), "failures": int(row["Failure Count"])} | quantiles


def _count(row: Row) -> int:
    return int(row["Request Count"])


def _ms(row: Row, column: str) -> float:
    return float(row[column]) if row[column] != "N/A" else 0.0
