"""The rows of a report: reading them from its Arrow file, and their digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
from pyarrow import compute

from collateral_registry.exports.ltv_rows import finite
from collateral_registry.exports.report import AMOUNT_DECIMALS, Kind, Report, Row, Table

NO_ZEROS = r"\.?0+$"
"""End of an amount that the digest leaves out: all superfluous zeros."""

CENTS = r"0{1,2}$"
"""End of an amount that CSV leaves out: two of its four decimals, if they are zeros."""

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
        for row in rows_of(with_texts(finite(batch), NO_ZEROS)):
            found.update(canonical(row))
        count += batch.num_rows
    return Rows(report, path, count, found.hexdigest())


def rows_of(batch: pa.RecordBatch) -> Iterator[Row]:
    """Yields the rows of a batch."""
    yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def with_texts(batch: pa.RecordBatch, zeros: str) -> pa.RecordBatch:
    """Returns a batch with amounts and dates as texts; ``zeros`` matches the end of an amount that is left out."""
    columns = [_as_text(column, zeros) for column in batch.columns]
    return pa.record_batch(columns, names=batch.schema.names)


def _as_text(column: pa.Array, zeros: str) -> pa.Array:
    if pa.types.is_decimal(column.type):
        return compute.replace_substring_regex(column.cast(pa.string()), zeros, "")
    return column.cast(pa.string()) if pa.types.is_date(column.type) else column


def canonical(row: Iterable[object]) -> bytes:
    """Returns the line of a row from which the digest is made (docs/exports.md)."""
    return json.dumps(list(row), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _batches(report: Report, path: Path) -> Iterator[pa.RecordBatch]:
    schema = schema_of(report.table)
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
        for batch in reader:
            yield report.convert(batch, schema)
