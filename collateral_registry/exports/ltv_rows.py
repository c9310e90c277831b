"""Rows of the stream of the loan-to-value report as columns in main units."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pyarrow as pa
from pyarrow import compute

from collateral_registry.exports.report import AMOUNT_DECIMALS

MINOR = "_minor"
"""Ending of the names of amounts in minor units in the stream."""

RENAMED = {"loan": "loan_id", "currency": "currency_code", "breach": "breach_number"}
"""Columns that have another name in the stream."""


def ltv_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Returns a batch of the stream with the columns of a schema."""
    factors = [Decimal(10 ** (AMOUNT_DECIMALS - digits)) for digits in range(AMOUNT_DECIMALS + 1)]
    factor = pa.array(factors, pa.decimal128(AMOUNT_DECIMALS + 1)).take(batch["minor_unit_digits"])
    computed: dict[str, Callable[[], pa.Array]] = {
        "ltv_infinite": lambda: compute.coalesce(compute.is_inf(batch["ltv"]), pa.scalar(value=False)),
        "unknown_reasons": lambda: _labels(batch["unknown_reasons"]),
        "quality_flags": lambda: _labels(batch["quality_flags"]),
    }

    def column(field: pa.Field) -> pa.Array:
        name = RENAMED.get(field.name, field.name)
        if name in computed:
            return computed[name]().cast(field.type)
        if name + MINOR in batch.schema.names:
            return _amounts(batch[name + MINOR], factor, field.type)
        return batch[name].cast(field.type)

    return pa.record_batch([column(field) for field in schema], schema=schema)


def as_they_are(batch: pa.RecordBatch, _: pa.Schema) -> pa.RecordBatch:
    """Returns a batch that has the columns already."""
    return batch


def finite(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns the batch with null in place of infinite shares, as files for programs have it."""
    columns = [
        compute.if_else(compute.is_inf(column), pa.scalar(None, column.type), column)
        if pa.types.is_floating(column.type)
        else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, schema=batch.schema)


def _amounts(minor: pa.Array, factor: pa.Array, kind: pa.DataType) -> pa.Array:
    """Returns amounts in minor units as decimals of the main unit, exactly."""
    whole = compute.multiply(minor.cast(pa.decimal128(19, 0)), factor)
    whole = whole.cast(pa.decimal128(kind.precision, 0))
    return pa.Array.from_buffers(kind, len(whole), whole.buffers(), whole.null_count, whole.offset)


def _labels(names: pa.Array) -> pa.Array:
    """Returns names that are separated by spaces as lists."""
    return pa.array([text.split() for text in names.to_pylist()], pa.list_(pa.string()))
