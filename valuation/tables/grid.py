"""A header and rows of text, before their columns have a meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal

EXACT_NUMBERS = 1e15
"""Numbers below this are stored with all digits of an integer; larger ones are shown with an exponent, and refused."""


@dataclass(frozen=True)
class Grid:
    """Cells of a file or of a sheet; ``lines`` [n] are the line of each row, from 1.

    ``separator`` separates the cells of a line; it is empty in formats that have no lines of text. ``binary`` are the
    places of columns with fractions in a binary format, whose decimal sign in ``rows`` is therefore the point.
    """

    name: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    separator: str = ""
    binary: set[int] = field(default_factory=set)


def text_of_float(value: float | None) -> str:
    """Returns a number of a binary format in plain digits; an empty text if it is missing or NaN."""
    if value is None or math.isnan(value):
        return ""
    return f"{Decimal(repr(value)).normalize():f}" if abs(value) < EXACT_NUMBERS else repr(value)
