"""Definitions of tables: every format of a table follows from the same columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal as DecimalMessage

if TYPE_CHECKING:
    import pyarrow as pa

Cell: TypeAlias = str | bool | int | float | Decimal | dt.datetime | dt.date | Sequence[str] | None
"""A value of the type that the kind of its column states; None is an empty cell."""

Row: TypeAlias = tuple[Cell, ...]
"""Cells in the order of the columns."""


class Kind(Enum):
    """What a column holds: the type of its cells, and how they are printed."""

    TEXT = "str: an id, a name or a note; wraps in a narrow terminal"
    CODE = "str: a level, state, currency or unit; never wraps"
    CURRENCY = "str: the currency of the amount in the column before; printed in the cell of that amount"
    LABELS = "list of str: reasons or flags; wraps between labels"
    COUNT = "int"
    AMOUNT = "Decimal in the main unit of a currency: thousands separators and at least two decimals"
    NUMBER = "Decimal: thousands separators and the decimals that it has"
    FACTOR = "Decimal of any number of digits, such as a computed rate: printed in full, stored as a float"
    SHARE = "float, 1 for the whole, infinite allowed: printed in per cent, stored as a fraction"
    DATE = "date"
    TIME = "datetime in UTC"
    FLAG = "bool: printed as yes or no"


LEVEL_STYLES: Mapping[str, str] = {
    "WATCH": "yellow",
    "MARGIN_CALL": "bold red",
    "STOP_DRAW": "bold red",
    "LIQUIDATION": "bold white on red",
}
COVERAGE_STYLES: Mapping[str, str] = {"UNKNOWN": "bold magenta"}

WRAPPING = frozenset({Kind.TEXT, Kind.LABELS})
RIGHT_ALIGNED = frozenset({Kind.COUNT, Kind.AMOUNT, Kind.NUMBER, Kind.FACTOR, Kind.SHARE})


class Importance(IntEnum):
    """Which columns are left out first if a terminal is too narrow: those with the highest number."""

    KEY = 0
    HIGH = 1
    USUAL = 2
    LOW = 3
    DETAIL = 4


@dataclass(frozen=True)
class Column:
    """A column: its name in files, what it holds, its printed header, its importance, and styles of single values.

    The name contains the unit where the kind does not determine it, as in ``horizon_days``. The header is the name with
    spaces unless another one is given. A column of importance KEY is always printed.
    """

    name: str
    kind: Kind
    header: str = ""
    importance: Importance = Importance.KEY
    styles: Mapping[str, str] = field(default_factory=dict)

    @property
    def printed_header(self) -> str:
        """The header with the unit of the kind."""
        header = self.header or self.name.replace("_", " ")
        return f"{header} %" if self.kind is Kind.SHARE else header


@dataclass(frozen=True)
class Table:
    """The columns of a table, and a noun in the plural for its rows."""

    noun: str
    columns: tuple[Column, ...]


class Rows(Protocol):
    """The content of a table, by row or in bulk."""

    def rows(self) -> Iterator[Row]:
        """Yields the rows."""
        ...

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yields the rows as record batches of the schema."""
        ...


class ListedRows:
    """Rows in memory."""

    def __init__(self, rows: Iterable[Sequence[Cell]]) -> None:
        self._rows = [tuple(row) for row in rows]

    def rows(self) -> Iterator[Row]:
        """Yields the rows."""
        return iter(self._rows)

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yields one record batch."""
        import pyarrow as pa

        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(schema)
        arrays = [_array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        yield pa.record_batch(arrays, schema=schema)


def _array(cells: Sequence[Cell], kind: pa.DataType) -> pa.Array:
    """Returns the cells of a column as an array; decimals of a column of floats are rounded to the nearest float."""
    import pyarrow as pa

    if pa.types.is_floating(kind):
        cells = [float(cell) if isinstance(cell, Decimal) else cell for cell in cells]
    return pa.array(cells, kind)


def day(message: Date) -> dt.date | None:
    """Returns a date message as a cell; None if it is not set."""
    return dt.date(message.year, message.month, message.day) if message.year else None


def time(message: Timestamp) -> dt.datetime | None:
    """Returns a timestamp as a cell; None if it is not set."""
    return message.ToDatetime(dt.UTC) if message.seconds else None


def number(message: DecimalMessage) -> Decimal | None:
    """Returns a decimal message as a cell; None if it states no number."""
    return Decimal(message.value) if message.value else None


def share(message: DecimalMessage) -> float | None:
    """Returns a decimal message as the cell of a share; None if it states no number."""
    return float(message.value) if message.value else None


def label(name: str, prefix: str) -> str | None:
    """Returns the name of an enum member without its prefix as a cell; None for the member of value 0."""
    found = name.removeprefix(prefix)
    return None if found == "UNSPECIFIED" else found


def short_name(resource: str) -> str | None:
    """Returns the last part of a resource name, which is its id, as a cell; None if there is no name."""
    return resource.rsplit("/", 1)[-1] or None


def text(value: str) -> str | None:
    """Returns a text as a cell; None if it is empty."""
    return value or None
