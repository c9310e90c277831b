"""Reader of packaged tables: small CSV files whose leading comment lines state their source."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def read_table(package: str, name: str) -> tuple[dict[str, str], ...]:
    """Returns the rows of ``data/name`` in a package as dictionaries by column; skips lines that start with #."""
    text = files(package).joinpath("data").joinpath(name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(csv.DictReader(lines))
