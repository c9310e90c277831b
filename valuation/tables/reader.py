"""Reads a table from a file: canonical cells by column, and the rows that were refused with their lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from valuation.errors import InvalidInput
from valuation.tables.canonical import Canonical, UndecidedColumn
from valuation.tables.dates import dotted, read_dates
from valuation.tables.encoding import decode
from valuation.tables.grid import Grid
from valuation.tables.header import places
from valuation.tables.numbers import read_numbers
from valuation.tables.records import SEPARATOR_NAMES, read_records
from valuation.tables.schema import DATE_KINDS, NUMBER_KINDS, RECOGNISED, CellKind, Notation, Schema
from valuation.tables.source import Format, Source, load

FIRST_ZONE = timedelta(hours=14)
"""Offset of the time zone in which a day begins first."""


@dataclass(frozen=True)
class RefusedRow:
    """A row that was refused, with its line, the reason and its cells by column.

    ``misaligned`` rows have more or fewer cells than the header, so that a cell may be of another column.
    """

    line: int
    reason: str
    cells: Mapping[str, str]
    misaligned: bool = False


@dataclass(frozen=True)
class NumberedRow:
    """The cells of a row by column, with its line."""

    line: int
    values: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """Columns [n] of a file in canonical form, the line of each row, and the refused rows in the order of the file.

    Numbers are in plain digits and dates in the form 2020-01-05. Columns that the file lacks are not present.
    """

    name: str
    columns: Mapping[str, list[str]]
    lines: list[int]
    refused: list[RefusedRow]

    def rows(self) -> Iterator[NumberedRow]:
        """Yields the rows that were not refused."""
        names = list(self.columns)
        for line, cells in zip(self.lines, zip(*self.columns.values(), strict=True), strict=True):
            yield NumberedRow(line, dict(zip(names, cells, strict=True)))

    def without(self, reasons: Mapping[int, str]) -> Table:
        """Returns the table with further rows refused, given by their index."""
        return self.replaced(self.columns, reasons)

    def replaced(self, columns: Mapping[str, list[str]], reasons: Mapping[int, str]) -> Table:
        """Returns the table with other columns and further rows refused; these keep the cells of this table."""
        if not reasons:
            return Table(self.name, columns, self.lines, self.refused)
        kept = [at for at in range(len(self.lines)) if at not in reasons]
        refused = [
            RefusedRow(self.lines[at], reason, {name: column[at] for name, column in self.columns.items()})
            for at, reason in reasons.items()
        ]
        in_order = sorted([*self.refused, *refused], key=lambda row: row.line)
        taken = {name: [column[at] for at in kept] for name, column in columns.items()}
        return Table(self.name, taken, [self.lines[at] for at in kept], in_order)

    def complete(self) -> Table:
        """Returns the table; raises InvalidInput for the first refused row, which is named by file and line."""
        for row in self.refused:
            field, _, rest = row.reason.partition(": got ")
            got, _, want = rest.partition(", want ")
            raise InvalidInput(f"{self.name}:{row.line}: {field}", got, want)
        return self


def latest_day() -> date:
    """Returns the date in the time zone where the day begins first; a later date is in the future everywhere."""
    return (datetime.now(UTC) + FIRST_ZONE).date()


def read_file(path: Path, schema: Schema, notation: Notation = RECOGNISED) -> Table:
    """Reads a table from a file: CSV in any common dialect and encoding, an Excel workbook, or parquet.

    Raises InvalidInput if the file is refused as a whole, and OSError if it cannot be read.
    """
    return read_source(load(path, schema.max_bytes), schema, notation)


def read_source(source: Source, schema: Schema, notation: Notation = RECOGNISED) -> Table:
    """Reads a table from the content of a file; raises InvalidInput as ``read_file`` does."""
    grid = _grid(source, schema, notation)
    found = places(grid, schema)
    rows, lines, refused = _fitting(grid, found)
    columns = {name: [row[at].strip() for row in rows] for name, at in found.items()}
    table = Table(source.name, columns, lines, refused)
    return _canonical(grid, table, schema, {name for name, at in found.items() if at in grid.binary}, notation)


def _grid(source: Source, schema: Schema, notation: Notation) -> Grid:
    if source.format is Format.TEXT:
        text = decode(source.name, source.content, notation.encoding)
        return read_records(source.name, text, schema, notation.separator)
    try:
        return _grid_of_binary(source, schema)
    except ModuleNotFoundError as error:
        want = f'a table in text, saved as "CSV UTF-8"; {error.name} is not installed'
        raise InvalidInput(source.name, f"a {source.format.value}", want) from None


def _grid_of_binary(source: Source, schema: Schema) -> Grid:
    """Reads a format that needs a library; raises ModuleNotFoundError if that is not installed."""
    if source.format is Format.WORKBOOK:
        from valuation.tables.workbook import read_workbook

        return read_workbook(source, schema)
    from valuation.tables.parquet import read_parquet

    return read_parquet(source, schema)


def _fitting(grid: Grid, found: Mapping[str, int]) -> tuple[list[list[str]], list[int], list[RefusedRow]]:
    """Returns the rows that have as many cells as the header, with their lines; the others are refused.

    Separators at the end of a line that separate nothing are no cells.
    """
    width = max((at + 1 for at, name in enumerate(grid.header) if name.strip()), default=0)
    if all(len(row) == width for row in grid.rows):
        return grid.rows, grid.lines, []
    rows, lines, refused = [], [], []
    for row, line in zip(grid.rows, grid.lines, strict=True):
        cells = len(row)
        while cells > width and not row[cells - 1].strip():
            cells -= 1
        if cells == width:
            rows.append(row)
            lines.append(line)
        else:
            named = {name: row[at].strip() for name, at in found.items() if at < len(row)}
            refused.append(RefusedRow(line, _wrong_width(cells, width, grid.separator), named, misaligned=True))
    return rows, lines, refused


def _wrong_width(cells: int, width: int, separator: str) -> str:
    reason = f"row: got {cells} cells, want {width} as in the header"
    if cells > width and separator:
        return f"{reason}; quote a cell that contains a {SEPARATOR_NAMES.get(separator, repr(separator))}"
    return reason


def _canonical(grid: Grid, table: Table, schema: Schema, binary: Collection[str], notation: Notation) -> Table:
    """Returns the table with numbers and dates in canonical form; rows with unreadable or missing cells are refused."""
    kinds = {name: kind for name, kind in schema.kinds().items() if name in table.columns}
    local = grid.separator == ";" or any(dotted(table.columns[name]) for name in kinds if kinds[name] in DATE_KINDS)
    columns, reasons = dict(table.columns), dict[int, str]()
    for name, kind in kinds.items():
        cells = table.columns[name]
        if kind is not CellKind.TEXT:
            cells = _known(cells, schema.unknown)
            try:
                read = _read(cells, kind, notation, local_signs=local, binary=name in binary)
            except UndecidedColumn as error:
                raise InvalidInput(f"{table.name}:{table.lines[error.at]}: {name}", error.got, error.want) from None
            columns[name] = read.cells
            _add_reasons(reasons, name, read.wrong)
        if name in schema.filled and "" in cells:
            blank = {at: f"got nothing, want a {kind.value}" for at, cell in enumerate(cells) if not cell}
            _add_reasons(reasons, name, blank)
    return table.replaced(columns, reasons)


def _add_reasons(reasons: dict[int, str], name: str, found: Mapping[int, str]) -> None:
    for at, reason in found.items():
        reasons[at] = "; ".join(filter(None, (reasons.get(at), f"{name}: {reason}")))


def _known(cells: list[str], unknown: frozenset[str]) -> list[str]:
    return ["" if cell in unknown else cell for cell in cells] if unknown else cells


def _read(cells: Sequence[str], kind: CellKind, notation: Notation, *, local_signs: bool, binary: bool) -> Canonical:
    if kind in NUMBER_KINDS:
        currency = kind is CellKind.PRICE
        return read_numbers(cells, currency=currency, local_signs=local_signs, binary=binary, notation=notation)
    return read_dates(cells, kind, latest_day())
