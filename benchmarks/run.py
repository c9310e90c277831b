"""``make bench``: prints one JSON line a measure, each beside its floor in the same run.

Keys: measure, engine, assets, value, unit, floor, ratio, peak_mb.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

from benchmarks.calls import ASSETS, measure_calls
from benchmarks.loan_checks import measure_loan_checks
from benchmarks.measured import Measured, peak_mb
from benchmarks.reports import measure_reports
from benchmarks.revaluation import measure_revaluation
from benchmarks.stock import measure_stock
from benchmarks.ticks import measure_ticks
from tests.postgres import DURABLE, SharedCluster

Makers = dict[str, Callable[[], str]]


def _stock(url: str, new_url: Callable[[], str]) -> list[Measured]:
    rate = measure_stock(url, new_url)
    items, floor, peak = rate.items_per_second, rate.floor_items_per_second, rate.peak_mb
    return [
        Measured("durable stock items, batches of 200", items, "items/s", floor, peak),
        Measured("stock acknowledged, p99", rate.acknowledged_p99_ms, "ms", ACKNOWLEDGED_LIMIT_MILLISECONDS, peak),
    ]


def _calls(url: str) -> list[Measured]:
    rate, busy, echo = measure_calls(url)
    return [
        Measured("value one asset over gRPC", rate, "calls/s", echo, 0),
        Measured("value one asset while 20 prices a second come in", busy, "calls/s", echo, 0),
    ]


MEASURES: dict[str, Callable[[Callable[[], str], int], list[Measured]]] = {
    "stock": lambda new_url, _: _stock(new_url(), new_url),
    "revaluation": lambda new_url, assets: measure_revaluation(new_url(), assets),
    "loan_checks": lambda new_url, assets: list(measure_loan_checks(new_url(), assets)),
    "reports": lambda new_url, assets: list(measure_reports(new_url(), assets)),
    "ticks": lambda new_url, assets: measure_ticks(new_url(), assets),
    "calls": lambda new_url, _: _calls(new_url()),
}
"""Everything that is measured: on a new database, and a book of the size asked for where it needs one."""

OWN_SIZE = {"stock": 0, "calls": ASSETS}
"""Assets in the book of a measure that makes its own; what is said to be measured at a size must have been."""

ACKNOWLEDGED_LIMIT_MILLISECONDS = 100.0


def measured(found: Measured, engine: str, assets: int) -> None:
    """Prints what a measure found."""
    line(found.measure, engine, assets, found.value, found.unit, found.floor, found.peak_mb)


def line(measure: str, engine: str, assets: int, value: float, unit: str, floor: float, peak: float = 0.0) -> None:
    """Prints one measure; the peak is this process's when none is given."""
    found = {
        "measure": measure,
        "engine": engine,
        "assets": assets,
        "value": round(value, 4),
        "unit": unit,
        "floor": round(floor, 4),
        "ratio": round(value / floor, 3) if floor else None,
        "peak_mb": round(peak or peak_mb()),
    }
    print(json.dumps(found), flush=True)


def main() -> None:
    """Measures everything, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(MEASURES), action="append")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"])
    parser.add_argument("--assets", type=int, default=100_000)
    chosen = parser.parse_args()
    shared = SharedCluster("bench", DURABLE)
    cluster = shared.enter()
    with tempfile.TemporaryDirectory() as folder:
        makers: Makers = {
            "sqlite": lambda: f"sqlite:///{Path(folder) / uuid.uuid4().hex}.db",
            "postgresql": cluster.new_database,
        }
        for engine in [chosen.engine] if chosen.engine else makers:
            for name in chosen.only or MEASURES:
                for found in MEASURES[name](makers[engine], chosen.assets):
                    measured(found, engine, OWN_SIZE.get(name, chosen.assets))
    shared.leave(cluster)


if __name__ == "__main__":
    main()
