"""Shows tables in the format and at the place that the options of a command state."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from collateral_partner.terminal import shown
from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.options import Format, Layout
from collateral_registry.cli.common.tables import Cell, Column, Kind, ListedRows, Row, Rows, Table
from collateral_registry.exports.cells import CsvWriter, decimal_text
from collateral_registry.exports.report import AMOUNT_DECIMALS

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER_DECIMALS = 9
SHOWN_DECIMALS = 2


@dataclass(frozen=True)
class Section:
    """A further table that is printed for a person below the main one, unless it is empty."""

    title: str
    table: Table
    content: ListedRows


def show_table(table: Table, content: Rows, layout: Layout, title: str = "", below: Sequence[Section] = ()) -> None:
    """Shows a table; its title and further tables are for a person and not in the formats for programs.

    Raises ValueError for bytes on a terminal, and OSError if the file cannot be written.
    """
    if layout.form in {Format.ARROW, Format.PARQUET} and layout.output is None and sys.stdout.isatty():
        raise ValueError(f"--output: got none, want a file; {layout.form} cannot be read on a terminal")
    with destination(layout.output) as file:
        if layout.form is Format.TABLE:
            count = _write_text(table, content, file, layout, title, below)
        else:
            count = _WRITERS[layout.form](table, content, file)
    if layout.output is not None:
        print_line(f"wrote {count:,} {table.noun} to {layout.output}", to_stderr=True)


def schema_of(table: Table) -> pa.Schema:
    """Returns the Arrow schema of a table."""
    import pyarrow as pa

    types: Mapping[Kind, pa.DataType] = {
        Kind.TEXT: pa.string(),
        Kind.CODE: pa.string(),
        Kind.CURRENCY: pa.string(),
        Kind.LABELS: pa.list_(pa.string()),
        Kind.COUNT: pa.int64(),
        Kind.AMOUNT: pa.decimal128(38, AMOUNT_DECIMALS),
        Kind.NUMBER: pa.decimal128(38, NUMBER_DECIMALS),
        Kind.FACTOR: pa.float64(),
        Kind.SHARE: pa.float64(),
        Kind.DATE: pa.date32(),
        Kind.TIME: pa.timestamp("us", "UTC"),
        Kind.FLAG: pa.bool_(),
    }
    return pa.schema([(column.name, types[column.kind]) for column in table.columns])


def rows_of(batches: Iterator[pa.RecordBatch]) -> Iterator[Row]:
    """Yields the rows of record batches."""
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@contextmanager
def destination(path: Path | None) -> Iterator[IO[bytes]]:
    """Yields standard output, or a file that replaces the one at the path once it is complete.

    A device or a named pipe is written in place. Raises OSError with the path as it was given.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as device:
                yield device
        else:
            with _replaced(path.resolve()) as file:
                yield file
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _write_text(
    table: Table, content: Rows, file: IO[bytes], layout: Layout, title: str, below: Sequence[Section]
) -> int:
    from collateral_registry.cli.common.table_text import print_grid, terminal_width

    width = None if layout.wide or layout.output else terminal_width()
    text = io.TextIOWrapper(file, encoding="utf-8", write_through=True) if layout.output else sys.stdout
    rows = list(content.rows())
    if title:
        print(shown(title), file=text)
    print_grid(table.columns, rows, width=width, file=text)
    if not rows:
        print(f"no {table.noun}", file=text)
    for section in below:
        if listed := list(section.content.rows()):
            print(f"\n{section.title}", file=text)
            print_grid(section.table.columns, listed, width=width, file=text)
    if isinstance(text, io.TextIOWrapper) and layout.output:
        text.detach()
    return len(rows)


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """Yields a file that takes the place of the one at the path if it was written without an error."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(table: Table, content: Rows, file: IO[bytes]) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = CsvWriter(text)
    writer.write([column.name for column in table.columns])
    count = 0
    for row in content.rows():
        writer.write([csv_cell(column, cell) for column, cell in zip(table.columns, row, strict=True)])
        count += 1
    text.detach()
    return count


def csv_cell(column: Column, cell: Cell) -> str:
    """Returns a cell as a program reads it."""
    value = _plain(column, cell)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(value)
    return str(value)


def _write_json(table: Table, content: Rows, file: IO[bytes]) -> int:
    """Writes an array with one object per line; amounts and quantities are numbers with all their digits."""
    names = [json.dumps(column.name) for column in table.columns]
    count = 0
    file.write(b"[")
    for row in content.rows():
        values = (json_value(column, cell) for column, cell in zip(table.columns, row, strict=True))
        members = ", ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))
        file.write(f"{',' if count else ''}\n{{{members}}}".encode())
        count += 1
    file.write(b"\n]\n" if count else b"]\n")
    return count


def json_value(column: Column, cell: Cell) -> str:
    """Returns a cell as JSON."""
    value = _plain(column, cell)
    if column.kind in {Kind.AMOUNT, Kind.NUMBER, Kind.FACTOR} and value is not None:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _plain(column: Column, cell: Cell) -> str | int | float | bool | list[str] | None:
    """Returns a cell without separators: decimals as text, dates and times in ISO form, an infinite share as None."""
    match cell:
        case Decimal():
            return decimal_text(cell, SHOWN_DECIMALS if column.kind is Kind.AMOUNT else 0)
        case float():
            return cell if math.isfinite(cell) else None
        case dt.datetime():
            return f"{cell.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
        case dt.date():
            return cell.isoformat()
        case None | str() | int():
            return cell
        case _:
            return list(cell)


def _write_arrow(table: Table, content: Rows, file: IO[bytes]) -> int:
    import pyarrow as pa

    schema = schema_of(table)
    with pa.ipc.new_file(file, schema) as writer:
        return _copy(content.batches(schema), writer)


def _write_parquet(table: Table, content: Rows, file: IO[bytes]) -> int:
    from pyarrow.parquet import ParquetWriter

    schema = schema_of(table)
    with ParquetWriter(file, schema) as writer:
        return _copy(content.batches(schema), writer)


class _BatchWriter(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None: ...


def _copy(batches: Iterator[pa.RecordBatch], writer: _BatchWriter) -> int:
    from collateral_registry.exports.ltv_rows import finite

    count = 0
    for batch in batches:
        writer.write_batch(finite(batch))
        count += batch.num_rows
    return count


_WRITERS = {
    Format.CSV: _write_csv,
    Format.JSON: _write_json,
    Format.ARROW: _write_arrow,
    Format.PARQUET: _write_parquet,
}
