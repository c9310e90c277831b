"""``make bench``: prints one JSON line for each measure, with its floor from the same run.

Keys: measure, engine, assets, value, unit, floor, ratio, peak_mb.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.backup import measure_backup
from benchmarks.book import ASSETS_PER_LOAN, Size, gather_statistics, make_book
from benchmarks.calls import ASSETS, measure_calls
from benchmarks.differences import measure_differences
from benchmarks.engines import Engine, engine_of
from benchmarks.history import measure_history
from benchmarks.loan_checks import measure_loan_checks
from benchmarks.measured import Measured, peak_mb
from benchmarks.reports import measure_reports
from benchmarks.revaluation import REVALUED, measure_revaluation
from benchmarks.stock import measure_stock
from benchmarks.ticks import measure_ticks
from collateral_registry.clock import wall_clock
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.domain.access.callers import Author
from collateral_registry.store.engine.connections import sqlite_file
from collateral_registry.store.engine.database import Database

ENGINES = ("sqlite", "postgresql")

SIZES = (10_000, 100_000, 1_000_000)
"""Numbers of assets in a book."""

EXPONENT_LIMIT = 1.05
"""Limit of the exponent in seconds = constant x assets^exponent."""

ACKNOWLEDGED_LIMIT_MILLISECONDS = 100.0


def _stock(engine: Engine, url: str) -> list[Measured]:
    rate = measure_stock(url, engine.new_database)
    items, floor, peak = rate.items_per_second, rate.floor_items_per_second, rate.peak_mb
    return [
        Measured("durable stock items, batches of 200", items, "items/s", floor, peak),
        Measured("stock acknowledged, p99", rate.acknowledged_p99_ms, "ms", ACKNOWLEDGED_LIMIT_MILLISECONDS, peak),
    ]


ALONE: dict[str, tuple[int, Callable[[Engine], list[Measured]]]] = {
    "stock": (0, lambda engine: _stock(engine, engine.new_database())),
    "calls": (ASSETS, lambda engine: measure_calls(engine.new_database())),
}
"""Measurements on an empty database of their own, with the number of assets that they register."""

ON_A_BOOK: dict[str, Callable[[Engine, str, int], list[Measured]]] = {
    "revaluation": lambda _, url, assets: measure_revaluation(url, assets),
    "loan_checks": lambda _, url, assets: measure_loan_checks(url, assets),
    "reports": lambda _, url, assets: measure_reports(url, assets),
    "history": lambda _, url, assets: measure_history(url, assets),
    "differences": lambda _, url, assets: measure_differences(url, assets),
    "ticks": lambda _, url, assets: measure_ticks(url, assets),
    "stock_of_a_book": lambda engine, url, _: _stock(engine, url),
    "backup": lambda engine, url, _: measure_backup(engine, url),
}
"""Measurements on a copy of a book of a given size that has been revalued once."""


@contextmanager
def _book(engine: Engine, assets: int) -> Iterator[Callable[[], str]]:
    """Generates a book and provides a function that copies it."""
    url = engine.new_database()
    database = Database(url, wall_clock)
    make_book(database, Size(assets, assets // ASSETS_PER_LOAN))
    run_book(database, Author("bench", "bench"))
    gather_statistics(database)
    database.close()
    yield lambda: engine.copy_database(url)
    _remove(url)


def _remove(url: str) -> None:
    """Deletes the files of a SQLite database; databases of PostgreSQL are deleted with their cluster."""
    path = sqlite_file(url)
    if path is not None:
        for one in path.parent.glob(f"{path.name}*"):
            one.unlink()


def measure(engine_name: str, engine: Engine, chosen: Sequence[str], sizes: Sequence[int]) -> None:
    """Runs the chosen measurements on one engine at each size of book and prints the results."""
    for name in (name for name in ALONE if name in chosen):
        assets, measured = ALONE[name]
        _print_all(measured(engine), engine_name, assets)
    seconds: dict[int, float] = {}
    on_a_book = [name for name in ON_A_BOOK if name in chosen]
    for assets in sizes if on_a_book else ():
        with _book(engine, assets) as copy:
            for name in on_a_book:
                url = copy()
                found = ON_A_BOOK[name](engine, url, assets)
                _print_all(found, engine_name, assets)
                seconds.update((assets, one.value) for one in found if one.measure == REVALUED)
                _remove(url)
    if len(seconds) > 1:
        exponent = np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0]
        grown = Measured("growth exponent of the revaluation", float(exponent), "", EXPONENT_LIMIT, peak_mb())
        _print_all([grown], engine_name, max(seconds))


def _print_all(found: Sequence[Measured], engine: str, assets: int) -> None:
    for one in found:
        record = {
            "measure": one.measure,
            "engine": engine,
            "assets": assets,
            "value": round(one.value, 4),
            "unit": one.unit,
            "floor": round(one.floor, 4),
            "ratio": round(one.value / one.floor, 3),
            "peak_mb": round(one.peak_mb),
        }
        print(json.dumps(record), flush=True)


def main() -> None:
    """Runs all measurements, or the selected ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[*ALONE, *ON_A_BOOK], action="append", help="may be given more than once")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="may be given more than once")
    parser.add_argument("--assets", type=int, action="append", help="size of the book; may be given more than once")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.engine or ENGINES:
            with engine_of(name, Path(folder)) as engine:
                measure(name, engine, chosen.only or [*ALONE, *ON_A_BOOK], sorted(chosen.assets or SIZES))


if __name__ == "__main__":
    main()
