"""Encoding of an LTV report as an Arrow IPC stream.

An IPC stream consists of a schema message, one message for each record batch, and an end marker. Each batch is encoded
when it is sent, so memory holds one batch in addition to the snapshot of the book.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntFlag
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.collateral import owed_of, pool_of
from collateral_registry.domain.loans.cure import price_fall_to
from collateral_registry.domain.loans.levels import Level, LtvBasis
from collateral_registry.domain.reports.ltv_rows import ltv_of, next_limit_of
from collateral_registry.domain.reports.snapshot import COVER_NAMES, Snapshot
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.domain.shared.string_interner import StringInterner
from valuation._typing import Int
from valuation.flags import QualityFlag, UnknownReason
from valuation.money import PPM

Column: TypeAlias = NDArray[Any] | pa.Array

STREAM_BATCH_ROWS = 8_192
"""Number of rows in a record batch, which then has about 2 MB."""

PIECE_LIMIT_BYTES = 1 << 20
"""Maximum size of a response message, well below the limit of gRPC clients (4 MiB)."""

END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""End marker of an Arrow IPC stream: a continuation mark and a length of 0."""

AMOUNTS = {
    "exposure_minor": "exposure_minor",
    "market_value_minor": "market_minor",
    "lendable_value_minor": "lendable_minor",
    "last_good_market_value_minor": "good_market_minor",
    "last_good_lendable_value_minor": "good_lendable_minor",
}

SCHEMA = pa.schema(
    [
        ("loan_id", pa.string()),
        ("borrower", pa.string()),
        ("currency_code", pa.string()),
        ("minor_unit_digits", pa.int8()),
        ("market_date", pa.date32()),
        ("level", pa.string()),
        ("coverage", pa.string()),
        ("ltv_basis", pa.string()),
        *((name, pa.int64()) for name in AMOUNTS),
        ("ltv", pa.float64()),
        ("last_good_ltv", pa.float64()),
        ("distance_to_next_level", pa.float64()),
        ("price_fall_to_next_level", pa.float64()),
        ("cash_cure_minor", pa.int64()),
        ("collateral_cure_minor", pa.int64()),
        ("unknown_asset_count", pa.int32()),
        ("unknown_reasons", pa.string()),
        ("quality_flags", pa.string()),
        ("oldest_input_date", pa.date32()),
        ("breach_number", pa.int64()),
        ("deadline_date", pa.date32()),
        ("sequence", pa.int64()),
        ("next_level", pa.string()),
        ("decision_market_value_minor", pa.int64()),
        ("decision_lendable_value_minor", pa.int64()),
        ("used_minor", pa.int64()),
        ("borrowing_base_minor", pa.int64()),
    ]
)


class ArrowRows:
    """Encodes rows of one snapshot. ``begin`` opens the stream and ``end`` closes it."""

    begin: bytes = SCHEMA.serialize().to_pybytes()
    end: bytes = END_OF_STREAM

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def batches(self, rows: Int) -> Iterator[Int]:
        """Yields the row numbers of each record batch."""
        for start in range(0, len(rows), STREAM_BATCH_ROWS):
            yield rows[start : start + STREAM_BATCH_ROWS]

    def pieces(self, data: memoryview) -> Iterator[bytes]:
        """Yields encoded data in pieces of bounded size."""
        for start in range(0, len(data), PIECE_LIMIT_BYTES):
            yield bytes(data[start : start + PIECE_LIMIT_BYTES])

    def batch(self, rows: Int) -> memoryview:
        """Returns the judgements in the given rows as an encoded record batch."""
        covers = {name: self._snapshot.covers[name][rows] for name in COVER_NAMES}
        columns = {**self._names(rows), **_judged(covers), **_ratios(covers)}
        return memoryview(
            pa.record_batch([_array(columns[field.name], field) for field in SCHEMA], schema=SCHEMA).serialize()
        )

    def _names(self, rows: Int) -> dict[str, Column]:
        terms, words = self._snapshot.cover_terms[rows], self._snapshot.words
        currency = self._snapshot.terms["currency"][terms]
        digits = np.array([digits_of(code) for code in words.currency.texts], dtype=np.int64)
        return {
            "loan_id": _texts(words.loan_id, self._snapshot.terms["loan_id"][terms]),
            "borrower": _texts(words.borrower, self._snapshot.terms["borrower"][terms]),
            "currency_code": _texts(words.currency, currency),
            "minor_unit_digits": digits[currency],
        }


def _judged(covers: dict[str, Int]) -> dict[str, Column]:
    return {
        **{name: covers[column] for name, column in AMOUNTS.items()},
        "market_date": covers["market_day"],
        "level": _chosen([level.name for level in Level], covers["level"]),
        "coverage": _chosen(["KNOWN", "UNKNOWN"], covers["coverage_unknown"]),
        "ltv_basis": _chosen(["", *(basis.name for basis in LtvBasis)], covers["basis"]),
        "cash_cure_minor": covers["cash_cure_minor"],
        "collateral_cure_minor": covers["collateral_cure_minor"],
        "unknown_asset_count": covers["unknown_assets"],
        "unknown_reasons": _flags(UnknownReason, covers["unknown"]),
        "quality_flags": _flags(QualityFlag, covers["quality"]),
        "oldest_input_date": np.ma.masked_equal(covers["oldest_day"], NO_DAY),
        "breach_number": np.ma.masked_where(covers["breach_open"] == 0, covers["breach_number"]),
        "deadline_date": np.ma.masked_equal(covers["deadline_day"], NO_DAY),
        "sequence": covers["seq"],
        "next_level": _next_levels(covers),
        "decision_market_value_minor": covers["market_minor"] - covers["withheld_market_minor"],
        "decision_lendable_value_minor": covers["lendable_minor"] - covers["withheld_lendable_minor"],
        "used_minor": np.ma.masked_equal(covers["used_minor"], NO_BASE),
        "borrowing_base_minor": np.ma.masked_equal(covers["base_minor"], NO_BASE),
    }


def _next_levels(covers: dict[str, Int]) -> pa.Array:
    """Returns the name of the level to which the distances lead [n], null where they are not defined."""
    names = [None, *(level.name for level in Level if level)]
    return _chosen(names, np.where(next_limit_of(covers) > 0, covers["level"] + 1, 0))


def _ratios(covers: dict[str, Int]) -> dict[str, Column]:
    """Returns the LTVs and the distances to the next level [n], masked where they are not defined."""
    exposure, pool, limit = owed_of(covers), pool_of(covers), next_limit_of(covers)
    ltv, nothing, no_next = ltv_of(covers), exposure == 0, limit == 0
    fall = price_fall_to(exposure, np.where(no_next, 1, pool), np.where(no_next, PPM, limit))
    with np.errstate(invalid="ignore"):
        distance = np.maximum(limit / PPM - ltv, 0.0)
    return {
        "ltv": np.ma.masked_where(nothing, ltv),
        "last_good_ltv": np.ma.masked_where(nothing, ltv_of(covers, "good_")),
        "distance_to_next_level": np.ma.masked_where(no_next, distance),
        "price_fall_to_next_level": np.ma.masked_where(no_next, fall),
    }


def _array(column: Column, field: pa.Field) -> pa.Array:
    """Returns a column as an Arrow array of its field's type. Masked values become null."""
    if isinstance(column, pa.Array):
        return column
    kind = pa.int32() if pa.types.is_date32(field.type) else field.type
    values: NDArray[Any] = np.ma.getdata(column).astype(kind.to_pandas_dtype(), copy=False)
    masked = np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else None
    return pa.array(values, type=kind, mask=masked).cast(field.type)


def _texts(words: StringInterner, numbers: Int) -> pa.Array:
    texts = words.texts
    return pa.array([texts[number] for number in numbers.tolist()], type=pa.string())


def _chosen(names: Sequence[str | None], numbers: Int) -> pa.Array:
    """Returns the name that belongs to each number [n]."""
    return pa.array(names, type=pa.string()).take(pa.array(numbers))


def _flags(flags: type[IntFlag], bits: Int) -> pa.Array:
    """Returns the names of the flags in each bit set [n], separated by spaces."""
    # There are few distinct bit sets, so each of them is formatted once.
    sets, number = np.unique(bits, return_inverse=True)
    names = [" ".join(str(flag.name) for flag in flags if flag and flag & int(one)) for one in sets]
    return _chosen(names, number.astype(np.int64))
