"""Columns that a kind of file must and may have, and what their cells hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

ROWS_LIMIT = 20_000_000
"""Largest number of rows of a file."""

BYTES_LIMIT = 512 * 1024 * 1024
"""Largest size of a file in bytes, after decompression."""


class CellKind(Enum):
    """Content of the cells of a column."""

    TEXT = "text"
    NUMBER = "number"
    """Number without a currency sign, because the currency is declared elsewhere in the file."""
    PRICE = "price"
    """Number that may carry a currency sign, which must then be the same in the whole column."""
    DATE = "date"
    """Calendar day with a year of four digits."""
    PAST_DATE = "past date"
    """Calendar day in the past; a year of two digits is read where it can be in one century only."""
    QUOTE_DATE = "quote date"
    """Past date, or a month or year, which means its first day."""


DATE_KINDS = frozenset({CellKind.DATE, CellKind.PAST_DATE, CellKind.QUOTE_DATE})
NUMBER_KINDS = frozenset({CellKind.NUMBER, CellKind.PRICE})


@dataclass(frozen=True)
class Notation:
    """How a file is written, as far as it is stated; what is empty is recognised from the file.

    Without ``thousands``, a number may have any sign between thousands that is not its decimal sign.
    """

    encoding: str = ""
    separator: str = ""
    decimal: str = ""
    thousands: str = ""


RECOGNISED = Notation()
"""Notation of which nothing is stated."""


@dataclass(frozen=True)
class Schema:
    """Columns of a kind of file. Names match whatever their case and the space around them.

    A ``closed`` schema refuses other columns, an open one ignores them. Rows with an empty cell in a column of
    ``filled`` are refused. ``hint`` states how columns are named, for a file that lacks one. ``unknown`` lists words
    that mean an empty cell in columns of numbers and dates.
    """

    required: Mapping[str, CellKind]
    optional: Mapping[str, CellKind] = field(default_factory=dict)
    closed: bool = True
    filled: frozenset[str] = frozenset()
    hint: str = ""
    unknown: frozenset[str] = frozenset()
    max_rows: int = ROWS_LIMIT
    max_bytes: int = BYTES_LIMIT

    def kinds(self) -> Mapping[str, CellKind]:
        """Returns the kind of each column, required ones first."""
        return {**self.required, **self.optional}
