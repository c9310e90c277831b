"""Result files of the commands that work on files: numbers as CSV, and names of pictures."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Writes a header and rows; a float has eight significant digits, NaN and None are empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([[_text(value) for value in row] for row in rows])


def file_stem(series: str) -> str:
    """The name of a series as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in series)


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.8g}"
    return "" if value is None else str(value)
