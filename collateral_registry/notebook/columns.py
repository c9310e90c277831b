"""Builds Arrow columns from messages: exact amounts, ordered levels, lists of reasons, dates, and times in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from numpy.typing import NDArray

from collateral_registry.domain.shared.money import digits_of
from collateral_registry.v1 import common_pb2

LEVELS = tuple(
    name.removeprefix("LTV_LEVEL_")
    for name, number in sorted(common_pb2.LtvLevel.items(), key=lambda item: int(item[1]))
    if number
)
"""Names of the levels, from the mildest to the worst."""

PRECISION, LARGE_PRECISION = 38, 76
"""Digits of a decimal128 and of a decimal256."""

NAMES = pa.list_(pa.string())
TIMES = pa.timestamp("us", "UTC")
INT64_LIMIT = 2.0**63


def scale_of(currencies: Iterable[str]) -> int:
    """Returns the decimals of an amount column: those of its currencies, the most of them if they differ."""
    return max((digits_of(currency) for currency in set(currencies)), default=2)


def amounts_of_minor(minor: NDArray[np.int64], digits: NDArray[np.int64], scale: int) -> pa.Array:
    """Returns amounts in minor units [n] of currencies with ``digits`` decimals as exact decimals in major units."""
    factors = np.power(10, scale - digits, dtype=np.int64)
    if (np.abs(minor.astype(np.float64)) * factors >= INT64_LIMIT).any():
        raise OverflowError("amount: got 2^63 or more in the smallest unit of the table; filter by currency_code")
    words = np.empty((len(minor), 2), dtype="<i8")  # a decimal128 is a little-endian integer of two words
    words[:, 0] = minor * factors
    words[:, 1] = words[:, 0] >> 63
    return pa.Array.from_buffers(pa.decimal128(PRECISION, scale), len(minor), [None, pa.py_buffer(words)])


def amounts(messages: Sequence[Money | None], scale: int) -> pa.Array:
    """Returns amounts as exact decimals; null where there is none."""
    values = [None if one is None else Decimal(one.units) + Decimal(one.nanos).scaleb(-9) for one in messages]
    return pa.array(values, pa.decimal128(PRECISION, scale))


def exact_numbers(texts: Sequence[str]) -> pa.Array:
    """Returns decimal texts as exact decimals with the digits of the longest; as doubles beyond 76 digits."""
    values = [Decimal(text) if text else None for text in texts]
    scale = max((max(-int(value.as_tuple().exponent), 0) for value in values if value is not None), default=2)
    for kind in (pa.decimal128(PRECISION, min(scale, PRECISION)), pa.decimal256(LARGE_PRECISION, scale)):
        try:
            return pa.array(values, kind)
        except pa.ArrowInvalid:
            continue
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def ratios(messages: Iterable[Message], field: str) -> pa.Array:
    """Returns a decimal field of messages as doubles; null where it is absent."""
    values = [float(getattr(one, field).value) if one.HasField(field) else None for one in messages]
    return pa.array(values, pa.float64())


def optional(message: Message, field: str) -> Any:
    """Returns a message field; None if it is absent."""
    return getattr(message, field) if message.HasField(field) else None


def levels(names: Sequence[str | None]) -> pa.DictionaryArray:
    """Returns level names as an ordered dictionary; null for names that are no level."""
    return in_order(names, LEVELS)


def in_order(names: Sequence[str | None], order: Sequence[str]) -> pa.DictionaryArray:
    """Returns names as a dictionary in the given order; null for other names."""
    places = {name: place for place, name in enumerate(order)}
    indices = pa.array([places.get(name or "") for name in names], pa.int8())
    return pa.DictionaryArray.from_arrays(indices, pa.array(order, pa.string()), ordered=True)


def name_of(enum: EnumTypeWrapper, number: int) -> str | None:
    """Returns the name of an enum value without the prefix of its enum; None for the unspecified one."""
    if not number:
        return None
    prefix = str(enum.Name(0)).removesuffix("UNSPECIFIED")
    return str(enum.Name(number)).removeprefix(prefix)


def name_lists(enum: EnumTypeWrapper, rows: Iterable[Iterable[int]]) -> pa.Array:
    """Returns lists of enum values as lists of names."""
    return pa.array([[name_of(enum, number) for number in row] for row in rows], NAMES)


def dates(messages: Iterable[Date | None]) -> pa.Array:
    """Returns calendar dates; null where there is none."""
    days = [date(one.year, one.month, one.day) if one is not None and one.year else None for one in messages]
    return pa.array(days, pa.date32())


def times(messages: Iterable[Timestamp | None]) -> pa.Array:
    """Returns times in UTC; null where there is none."""
    moments: list[datetime | None] = [None if one is None else one.ToDatetime(tzinfo=UTC) for one in messages]
    return pa.array(moments, TIMES)
