"""Files for programs: CSV and Parquet, with the names and codes of the contract in every language."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from collateral_registry.exports.cells import CsvWriter, csv_cell
from collateral_registry.exports.ltv_rows import finite
from collateral_registry.exports.report import Report
from collateral_registry.exports.rows import CENTS, Advance, Rows, rows_of, schema_of, with_texts

MARK = "\ufeff"
"""Byte order mark, without which Excel takes a CSV file for one of an older encoding."""


def write_csv(rows: Rows, out: Path, advance: Advance) -> None:
    """Writes a line for each fact, which begins with ``# ``, then the header and the rows."""
    with out.open("w", encoding="utf-8", newline="") as file:
        file.write(MARK)
        writer = CsvWriter(file)
        writer.write(*([f"# {name}: {value}"] for name, value in _facts(rows).items()))
        writer.write([column.name for column in rows.report.table.columns])
        for batch in rows.batches():
            writer.write(*([csv_cell(cell) for cell in row] for row in rows_of(with_texts(finite(batch), CENTS))))
            advance(batch.num_rows)


def write_parquet(rows: Rows, out: Path, advance: Advance) -> None:
    """Writes the rows; the facts are metadata of the schema."""
    schema = schema_of(rows.report.table).with_metadata(_facts(rows))
    with ParquetWriter(out, schema) as writer:
        for batch in rows.batches():
            writer.write_batch(finite(batch).cast(schema))
            advance(batch.num_rows)


def spool(table: pa.Table) -> bytes:
    """Returns a table as an Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def table_of(report: Report, cells: list[tuple[object, ...]]) -> pa.Table:
    """Returns rows in memory as a table with the columns of a report."""
    schema = schema_of(report.table)
    columns = list(zip(*cells, strict=True)) if cells else [()] * len(schema)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def _facts(rows: Rows) -> dict[str, str]:
    return {fact.name: fact.value for fact in rows.report.about(rows.count, rows.digest)}
