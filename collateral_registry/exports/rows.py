"""The rows of a report: reading them from its Arrow file, and their digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from collateral_registry.exports.cells import decimal_text
from collateral_registry.exports.ltv_rows import finite
from collateral_registry.exports.report import AMOUNT_DECIMALS, Kind, Report, Row, Table

Advance = Callable[[int], None]
"""Function that is called with each number of further rows that are written."""


@dataclass(frozen=True)
class Rows:
    """The rows of a report in an Arrow file, their number and their digest."""

    report: Report
    path: Path
    count: int
    digest: str

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yields the rows with the columns of the report; shares may be infinite."""
        yield from _batches(self.report, self.path)

    def __iter__(self) -> Iterator[Row]:
        for batch in self.batches():
            yield from rows_of(batch)


def schema_of(table: Table) -> pa.Schema:
    """Returns the Arrow schema of a table."""
    types: Mapping[Kind, pa.DataType] = {
        Kind.TEXT: pa.string(),
        Kind.CODE: pa.string(),
        Kind.LEVEL: pa.string(),
        Kind.LABELS: pa.list_(pa.string()),
        Kind.COUNT: pa.int64(),
        Kind.AMOUNT: pa.decimal128(38, AMOUNT_DECIMALS),
        Kind.SHARE: pa.float64(),
        Kind.DATE: pa.date32(),
        Kind.FLAG: pa.bool_(),
    }
    return pa.schema([(column.name, types[column.kind]) for column in table.columns])


def measured(report: Report, path: Path) -> Rows:
    """Returns the rows of an Arrow file, counted and digested."""
    found = sha256(canonical([column.name for column in report.table.columns]))
    count = 0
    for batch in _batches(report, path):
        for row in rows_of(finite(batch)):
            found.update(canonical(row))
        count += batch.num_rows
    return Rows(report, path, count, found.hexdigest())


def rows_of(batch: pa.RecordBatch) -> Iterator[Row]:
    """Yields the rows of a batch."""
    yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def canonical(row: Iterable[object]) -> bytes:
    """Returns the line of a row from which the digest is made (docs/exports.md)."""
    cells = [_plain(cell) for cell in row]
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _plain(cell: object) -> object:
    if isinstance(cell, Decimal):
        return decimal_text(cell, 0) if cell else "0"
    return cell.isoformat() if isinstance(cell, date) else cell


def _batches(report: Report, path: Path) -> Iterator[pa.RecordBatch]:
    schema = schema_of(report.table)
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
        for batch in reader:
            yield report.convert(batch, schema)
