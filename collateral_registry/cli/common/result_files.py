"""Writes the result files of the commands that need no server, and names them after series."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Writes a header and rows as CSV; floats have eight significant digits, NaN and None are empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([[_text(value) for value in row] for row in rows])


def file_stem(series: str) -> str:
    """Returns the name of a series as a stem that is safe in a file name."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in series)


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.8g}"
    return "" if value is None else str(value)
