"""Reads a parquet file; days of times with a zone are those of that zone."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import ParquetFile

from valuation.errors import InvalidInput
from valuation.tables.grid import Grid, text_of_float
from valuation.tables.schema import Schema
from valuation.tables.source import Source


def read_parquet(source: Source, schema: Schema) -> Grid:
    """Returns the columns of a parquet file as text; lines are row numbers from 1.

    Raises InvalidInput if the file is damaged or too large.
    """
    try:
        file = ParquetFile(io.BytesIO(source.content))
        _check_size(source.name, file, schema)
        table = _decoded(source.name, file, schema)
        columns = [_texts(column) for column in table.columns]
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(source.name, f"a damaged parquet file ({error})", "a complete one") from None
    rows = [list(cells) for cells in zip(*columns, strict=True)]
    kept = [at for at, cells in enumerate(rows) if any(cells)]
    binary = {at for at, column in enumerate(table.columns) if pa.types.is_floating(_kind(column))}
    lines = [at + 1 for at in kept]
    return Grid(source.name, list(table.column_names), [rows[at] for at in kept], lines, binary=binary)


def _check_size(name: str, file: ParquetFile, schema: Schema) -> None:
    sizes = (file.metadata.row_group(at).total_byte_size for at in range(file.metadata.num_row_groups))
    if file.metadata.num_rows > schema.max_rows:
        raise InvalidInput(name, f"{file.metadata.num_rows} rows", f"at most {schema.max_rows}; divide the file")
    if sum(sizes) > schema.max_bytes:
        raise _too_large(name, schema)


BATCH_ROWS = 1_000
"""Rows that are decoded at once. Decoded values can be larger than the file by any factor, if they are repeated."""


def _decoded(name: str, file: ParquetFile, schema: Schema) -> pa.Table:
    """Returns all columns; raises InvalidInput as soon as their decoded values are too large."""
    batches, size = [], 0
    for batch in file.iter_batches(BATCH_ROWS):
        size += batch.nbytes
        if size > schema.max_bytes:
            raise _too_large(name, schema)
        batches.append(batch)
    return pa.Table.from_batches(batches, file.schema_arrow)


def _too_large(name: str, schema: Schema) -> InvalidInput:
    return InvalidInput(name, f"more than {schema.max_bytes} bytes", "a smaller file; divide it")


def _texts(column: pa.ChunkedArray) -> list[str]:
    """Returns the values of a column as text; missing values are empty, and so are values that are no cells."""
    kind = _kind(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(kind)
    if pa.types.is_timestamp(kind):
        local = pc.local_timestamp(column) if kind.tz else column
        return [_day(text) for text in pc.cast(local, pa.timestamp("us"), safe=False).cast(pa.string()).to_pylist()]
    if pa.types.is_floating(kind):
        return [text_of_float(value) for value in column.to_pylist()]
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [""] * len(column)
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _kind(column: pa.ChunkedArray) -> pa.DataType:
    """Returns the type of a column's values."""
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def _day(text: str | None) -> str:
    return (text or "").removesuffix(".000000").removesuffix(" 00:00:00")
