"""``make bench-equipment DATA=folder``: fits on earlier sales, scores on later ones and prints JSON lines.

The folder contains ``bulldozers_train_2004_2011.csv.gz`` and ``vehicle_auction_us.csv.gz``, which are not shipped.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from collateral_registry.clock import wall_clock
from valuation.equipment.models.artefact import save
from valuation.equipment.models.augment import degraded, without_category
from valuation.equipment.models.hedonic import Learned, appraise, fit
from valuation.equipment.models.scores import Score, scores
from valuation.equipment.sales.files import read_comparables
from valuation.equipment.sales.mapping import ColumnMap, read_mapping
from valuation.equipment.sales.observations import Observations

HERE = Path(__file__).parent
YEARS = (2010, 2009, 2008, 2006)
"""Last years of the fits; the year after each is scored. The first is the development split."""

REGION = "state"
APPRAISED_AT_ONCE = 100_000
CALLS = 200
KIB_A_MIB = 1024


def no_hours(machines: Observations) -> Observations:
    """Returns the machines without meter readings."""
    return replace(machines, hours=np.full(len(machines), np.nan))


def no_model(machines: Observations) -> Observations:
    """Returns the machines without meter readings and models."""
    hidden = np.full(len(machines), "", dtype=object)
    return replace(no_hours(machines), levels={**machines.levels, "model": hidden})


def no_family(machines: Observations) -> Observations:
    """Returns the machines without meter readings, models and families."""
    hidden = np.full(len(machines), "", dtype=object)
    return replace(no_model(machines), levels={**machines.levels, "model": hidden, "family": hidden})


def elsewhere(machines: Observations) -> Observations:
    """Returns the machines in a region without sales."""
    return replace(machines, words={**machines.words, REGION: np.full(len(machines), "elsewhere", dtype=object)})


VARIANTS: dict[str, Callable[[Observations], Observations]] = {
    "as they are": lambda machines: machines,
    "without hours": no_hours,
    "without hours and model": no_model,
    "without hours, model and family": no_family,
    "of a category never sold": without_category,
    "in a region never seen": elsewhere,
    "with random parts hidden": lambda machines: degraded(machines, seed=5),
}
"""Variants of the scored sales, with different parts of their data hidden."""


def main() -> None:
    """Runs all measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    folder = parser.parse_args().data
    bulldozers(folder / "bulldozers_train_2004_2011.csv.gz")
    vehicles(folder / "vehicle_auction_us.csv.gz")


def bulldozers(path: Path) -> None:
    """Scores rolling splits by year and measures speed."""
    mapping = read_mapping(HERE / "bulldozers.toml")
    sales, _ = read_comparables(path, mapping, wall_clock().date())
    year = np.floor(sales.time)
    for last in YEARS:
        learned = fit(sales.take(year <= last), mapping)
        later = sales.take(year == last + 1)
        for variant, change in VARIANTS.items():
            report(f"bulldozers {last + 1}, {variant}", scored(learned, change(later)))
        if (year == last + 2).any():
            report(f"bulldozers {last + 2}, two years ahead", scored(learned, sales.take(year == last + 2)))
    speed(path, mapping)


def vehicles(path: Path) -> None:
    """Scores the last quarter of the sales by date and compares the error with that of the reference values."""
    mapping = read_mapping(HERE / "vehicles.toml")
    sales, _ = read_comparables(path, mapping, wall_clock().date())
    order = np.argsort(sales.time, kind="stable")
    first = len(sales) - len(sales) // 4
    learned = fit(sales.take(order[:first]), mapping)
    found = scored(learned, sales.take(order[first:]))[:1]
    report("vehicles, last quarter", found)
    line("vehicles, median error over that of the reference", found[0].median_error / found[0].reference_error)


def scored(learned: Learned, machines: Observations) -> list[Score]:
    """Returns the scores of machines with known prices."""
    found = appraise(learned, machines)
    category = machines.levels["category"]
    return scores(machines.price, found.low, found.fmv, found.high, machines.reference, category)


def speed(path: Path, mapping: ColumnMap) -> None:
    """Measures fitting on all sales, valuing one machine, and valuing many machines by the command line."""
    sales, data_hash = read_comparables(path, mapping, wall_clock().date())
    began = time.perf_counter()
    learned = fit(sales, mapping)
    line(f"fit {len(sales)} sales, s", time.perf_counter() - began)
    line("fit, peak memory, MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_A_MIB)
    one = sales.take(np.array([0]))
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        appraise(learned, one)
        took.append(time.perf_counter() - began)
    line("appraise one machine, warm, median ms", 1e3 * float(np.median(took)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "model", learned, data_hash)
        for what, hours_a_round in (("no two alike", 1), ("each nine times", 0)):
            command(what, write_many(path, mapping, folder / "many.csv", hours_a_round), folder)


def write_many(path: Path, mapping: ColumnMap, many: Path, hours_a_round: int) -> Path:
    """Writes APPRAISED_AT_ONCE rows by repeating the sales of a file; every repetition adds ``hours_a_round`` hours."""
    header, *rows = csv.reader(gzip.decompress(path.read_bytes()).decode("utf-8-sig").splitlines())
    meter = header.index(mapping.hours)
    with many.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for number in range(APPRAISED_AT_ONCE):
            repetition, at = divmod(number, len(rows))
            hours = float(rows[at][meter] or 0.0) + repetition * hours_a_round
            writer.writerow([*rows[at][:meter], f"{hours:g}", *rows[at][meter + 1 :]])
    return many


def command(what: str, assets: Path, folder: Path) -> None:
    """Measures wall-clock time, processor time and peak memory of ``collateral equipment appraise`` with start-up."""
    arguments = [
        Path(sys.executable).with_name("collateral"), "equipment", "appraise", assets,
        "--columns", HERE / "bulldozers.toml", "--model", folder / "model",
        "--as-of", "2011-12-31", "--output", folder / "out.csv",
    ]  # fmt: skip
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(arguments, check=True)
    elapsed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    measure = f"appraise {APPRAISED_AT_ONCE} machines by the command, {what}"
    line(f"{measure}, s", elapsed)
    line(f"{measure}, processor s", spent)
    line(f"{measure}, peak memory, MB", after.ru_maxrss / KIB_A_MIB)


def report(what: str, found: list[Score]) -> None:
    """Prints the score of each group."""
    for score in found:
        print(
            json.dumps({"measure": what} | {name: _rounded(value) for name, value in asdict(score).items()}), flush=True
        )


def line(measure: str, value: float) -> None:
    """Prints one value."""
    print(json.dumps({"measure": measure, "value": _rounded(value)}), flush=True)


def _rounded(value: object) -> object:
    if not isinstance(value, float):
        return value
    return round(value, 4) if np.isfinite(value) else None


if __name__ == "__main__":
    main()
