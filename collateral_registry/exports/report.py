"""A report as it is written to a file: its columns, its moment, and where its rows are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

AMOUNT_DECIMALS = 4
"""Decimals of amounts in columns: the most that a currency of ISO 4217 has."""

EARLIEST_DAY = date(1980, 1, 1)
"""Day of the files of a book without a business date: the first that a ZIP file can state."""

Row: TypeAlias = tuple[object, ...]
"""Cells in the order of the columns; None is an empty cell."""


class Form(StrEnum):
    """Formats of a file, named by their extensions."""

    XLSX = "xlsx"
    PDF = "pdf"
    CSV = "csv"
    PARQUET = "parquet"


class Kind(Enum):
    """What a column holds: the type of its cells."""

    TEXT = "str: an id or a name"
    CODE = "str: a name of the contract, such as a currency or a state"
    LEVEL = "str: a level or a coverage, which has a mark"
    LABELS = "list of str: names of the contract"
    COUNT = "int"
    AMOUNT = "Decimal in the main unit of a currency"
    SHARE = "float, 1 for the whole; infinite where a debt has no collateral"
    DATE = "date"
    FLAG = "bool"


class Printed(Enum):
    """Where a PDF prints a column."""

    NO = 0
    YES = 1
    BELOW = 2
    """Below the column before, in the same cell."""


@dataclass(frozen=True)
class Column:
    """A column: its name in files for programs, and its title and the texts of its codes in files for people."""

    name: str
    kind: Kind
    title: str
    printed: Printed = Printed.NO
    words: Mapping[str, str] = field(default_factory=dict)
    judged_by: str = ""
    """Column of the coverage by which a level is judged."""

    def word(self, code: object) -> str:
        """Returns the text of a code; what has none stands for itself."""
        return self.words.get(str(code), str(code))


@dataclass(frozen=True)
class Table:
    """The columns of a table and its title."""

    title: str
    columns: tuple[Column, ...]

    def for_people(self, row: Row) -> Row:
        """Returns a row without the levels that say nothing: no breach, of a loan that is not fully known."""
        cells = list(row)
        for place, column in enumerate(self.columns):
            if column.judged_by and cells[place] == "NONE" and self._cell(row, column.judged_by) == "UNKNOWN":
                cells[place] = None
        return tuple(cells)

    def _cell(self, row: Row, name: str) -> object:
        return next(cell for column, cell in zip(self.columns, row, strict=True) if column.name == name)


@dataclass(frozen=True)
class Section:
    """A further table of a report, with its rows."""

    table: Table
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Fact:
    """A statement about a report: its name for programs, its label for people, and the value.

    One without a label is for programs only.
    """

    name: str
    label: str
    value: str


@dataclass(frozen=True)
class Selection:
    """What the rows of a report are, besides its moment."""

    filter: str = ""
    order_by: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture as SVG, whose colours are attributes, with the text that stands for it."""

    title: str
    svg: str
    text: str


@dataclass(frozen=True)
class Labels:
    """Texts that every file for people has, in its language."""

    language: str
    product: str
    about: str
    rows: str
    digest: str
    page: str
    as_of: str
    missing: str
    yes: str
    no: str


@dataclass(frozen=True)
class Report:
    """A report at one moment. Its rows are in an Arrow file, which ``convert`` brings into the columns of the table.

    ``charts`` returns the pictures of all rows, given as an Arrow table. It and ``convert`` are functions of modules,
    so that a report can be sent to another process.
    """

    name: str
    title: str
    day: date | None
    facts: tuple[Fact, ...]
    table: Table
    sections: tuple[Section, ...]
    labels: Labels
    convert: Callable[[pa.RecordBatch, pa.Schema], pa.RecordBatch]
    charts: Callable[[pa.Table], Sequence[Chart]]

    @property
    def dated(self) -> date:
        """The day that the file states as that of its creation."""
        return self.day or EARLIEST_DAY

    def about(self, count: int, digest: str) -> tuple[Fact, ...]:
        """Returns the facts with the number of rows and their digest."""
        return (
            *self.facts,
            Fact("rows", self.labels.rows, str(count)),
            Fact("sha256", self.labels.digest, digest),
        )
