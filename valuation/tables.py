"""Packaged tables: small CSV files with their source in comment lines at the top."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def read_table(package: str, name: str) -> tuple[dict[str, str], ...]:
    """The rows of ``data/name`` in a package, by column; lines beginning with # are comments."""
    text = files(package).joinpath("data").joinpath(name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(csv.DictReader(lines))
