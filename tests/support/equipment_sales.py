"""Synthetic machine sales with prices from a known formula of size, age, hours and condition plus noise."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from collateral_registry.cli.main import app

MAPPING = """
[columns]
id = "lot"
price = "hammer"
sale_date = "sold"
build_year = "built"
hours = "meter"
condition = "grade"
region = "place"
category = "kind"
class = "size_class"
family = "family"
model = "model"
attributes = ["cab"]

[reading]
currency = "USD"
condition_order = ["poor", "fair", "good"]
"""

HEADER = (
    "lot",
    "hammer",
    "sold",
    "built",
    "meter",
    "grade",
    "place",
    "kind",
    "size_class",
    "family",
    "model",
    "cab",
    "guide",
)
TODAY = date(2011, 1, 1)
"""A day after all synthetic sales."""

GRADES = ("poor", "fair", "good")


def run(*arguments: object) -> tuple[int, str]:
    """Runs a command of ``collateral equipment`` and returns its exit code and output."""
    result = CliRunner().invoke(app, ["equipment", *map(str, arguments)])
    return result.exit_code, result.output


def write_mapping(folder: Path, extra: str = "") -> Path:
    """Writes the column mapping of the synthetic sales, followed by extra entries, and returns its path."""
    path = folder / "columns.toml"
    path.write_text(MAPPING + extra, encoding="utf-8")
    return path


def rows(count: int, seed: int = 1) -> list[list[str]]:
    """Returns synthetic sales [count] from 2005 to 2010 as rows of CSV cells."""
    random = np.random.default_rng(seed)
    made = []
    for lot in range(count):
        kind, family = ("digger", "loader")[lot % 2], int(random.integers(1, 9)) * 100
        letter, built = "ABC"[int(random.integers(0, 3))], int(random.integers(1990, 2005))
        day = np.datetime64("2005-01-01") + int(random.integers(0, 2190))
        age, grade = float(str(day)[:4]) - built, int(random.integers(0, 3))
        hours = float(np.round(age * random.uniform(300, 900)))
        log_price = 8.0 + 0.003 * family + 0.1 * "ABC".index(letter) - 0.06 * age - 0.00003 * hours + 0.15 * grade
        price = np.exp(log_price + random.normal(0.0, 0.15))
        guide = price * np.exp(random.normal(0.03, 0.1))
        made.append([
            str(lot), f"{price:.0f}", str(day), "1000" if lot % 11 == 0 else str(built), "0" if lot % 7 == 0 else
            f"{hours:.0f}", GRADES[grade], f"state {lot % 5}", kind, f"{kind} - {family} to {family + 50} kg",
            f"M{family}", f"M{family}{letter}", "cab" if lot % 3 else "", f"{guide:.0f}",
        ])  # fmt: skip
    return made


def write_sales(path: Path, made: list[list[str]]) -> Path:
    """Writes the sales as CSV and returns the path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(made)
    return path


def changed(row: list[str], **cells: str) -> list[str]:
    """Returns the row with the named cells replaced."""
    return [cells.get(name, cell) for name, cell in zip(HEADER, row, strict=True)]
