"""``make bench``: prints one JSON line a measure, each beside its floor in the same run.

Keys: measure, engine, assets, value, unit, floor, ratio, peak_mb.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import uuid
from pathlib import Path

from benchmarks import calls, ticks
from benchmarks.calls import measure_calls
from benchmarks.loan_checks import measure_loan_checks
from benchmarks.measured import Measured, peak_mb
from benchmarks.reports import measure_reports
from benchmarks.revaluation import measure_revaluation
from benchmarks.ticks import measure_ticks
from tests.postgres import SharedCluster

LIMIT_MILLISECONDS = 100.0
"""What a tick may take at the 99th percentile; the floor of its ratio."""


BOOK_MEASURES = {"loan_checks": measure_loan_checks, "reports": measure_reports}
"""What is measured on a book of the size asked for."""


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
    parser.add_argument("--only", choices=["calls", "loan_checks", "reports", "revaluation", "ticks"])
    parser.add_argument("--assets", type=int, default=100_000)
    chosen = parser.parse_args()
    shared = SharedCluster("bench")
    cluster = shared.enter()
    with tempfile.TemporaryDirectory() as folder:
        makers = {
            "sqlite": lambda: f"sqlite:///{Path(folder) / uuid.uuid4().hex}.db",
            "postgresql": cluster.new_database,
        }
        for engine, new_url in makers.items():
            if chosen.only in {None, "revaluation"}:
                seconds, floor = measure_revaluation(new_url(), chosen.assets)
                line("revalue and judge, stored", engine, chosen.assets, seconds, "s", floor)
            for name, measure in BOOK_MEASURES.items():
                if chosen.only in {None, name}:
                    for found in measure(new_url(), chosen.assets):
                        measured(found, engine, chosen.assets)
            if chosen.only in {None, "ticks"}:
                for name, milliseconds in measure_ticks(new_url()).items():
                    line(
                        f"tick of 100 assets to event, {name}",
                        engine,
                        ticks.ASSETS,
                        milliseconds,
                        "ms",
                        LIMIT_MILLISECONDS,
                    )
            if chosen.only in {None, "calls"}:
                rate, busy, echo = measure_calls(new_url())
                line("value one asset over gRPC", engine, calls.ASSETS, rate, "calls/s", echo)
                line("value one asset while 20 prices a second come in", engine, calls.ASSETS, busy, "calls/s", echo)
    shared.leave(cluster)


if __name__ == "__main__":
    main()
