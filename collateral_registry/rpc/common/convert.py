"""Conversion between plain values and messages: money, decimals, dates, times and enums.

Functions named ``read_…`` parse a message and raise InvalidInput with the name of the field. The others build a
message.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Container, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import IntEnum, IntFlag
from functools import lru_cache, partial
from typing import Any, TypeVar, cast

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money as MoneyMessage

from collateral_registry.domain.shared.days import date_of
from collateral_registry.domain.shared.money import Money, digits_of, money_of
from collateral_registry.domain.shared.quantities import DIGITS_LIMIT, has_few_digits
from collateral_registry.rpc.common.field_paths import from_root
from collateral_registry.v1 import common_pb2
from valuation.errors import InvalidInput, check_all, joined
from valuation.flags import QualityFlag, UnknownReason, ZeroReason
from valuation.money import PPM, to_minor

E = TypeVar("E", bound=IntEnum)
M = TypeVar("M", bound=Message)
R = TypeVar("R")

DECIMAL_LIMIT_CHARACTERS = 40
SLICE_MESSAGES = 50
"""Messages of a repeated field that are read before other calls run: about a millisecond."""

RATIO_DIGITS = 9
NANOS = 1_000_000_000
YEAR_LEAST = 1000
"""A smaller year was written with two or three digits."""
SECONDS_LEAST, SECONDS_MOST = -62_135_596_800, 253_402_300_799
"""First and last second of the years 1 to 9999, which the contract's type of times can hold."""
_FEW_DIGITS = f"a number with at most {DIGITS_LIMIT} digits before and after the decimal point"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(s?nan\d*|inf(inity)?)", re.ASCII | re.IGNORECASE)


def read_decimal(field: str, message: DecimalMessage) -> Decimal:
    """Returns a decimal; raises InvalidInput unless it is a finite number within the limits.

    It has at most DECIMAL_LIMIT_CHARACTERS characters, and at most DIGITS_LIMIT digits before and after the decimal
    point when it is written without exponent.
    """
    text = message.value
    if len(text) > DECIMAL_LIMIT_CHARACTERS:
        raise InvalidInput(field, f"{len(text)} characters", f"at most {DECIMAL_LIMIT_CHARACTERS} characters")
    if _NOT_FINITE.fullmatch(text):
        raise InvalidInput(field, text, "a finite number")
    try:
        # Decimal alone also reads grouped digits such as 9_000, digits of other scripts and blanks.
        value = Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        raise InvalidInput(field, repr(text), _FEW_DIGITS) from None
    # Without exponent a number is within the limit of digits, because its text is within that of characters.
    if value is not None and "e" in text.lower() and not has_few_digits(value):
        raise InvalidInput(field, repr(text), _FEW_DIGITS)
    if value is not None:
        return value
    raise InvalidInput(field, repr(text), "a decimal number such as 12.5")


def read_optional_decimal(field: str, message: Message, name: str) -> Decimal | None:
    """Returns a decimal field of a message; None if it is absent."""
    return read_decimal(field, getattr(message, name)) if message.HasField(name) else None


def read_money(field: str, message: MoneyMessage) -> Money:
    """Returns an amount of money.

    Raises InvalidInput if units and nanos differ in sign. Raises InvalidInput also if the amount is negative, too
    large, or not a whole number of minor units.
    """
    if not -NANOS < message.nanos < NANOS or message.units * message.nanos < 0:
        raise InvalidInput(f"{field}.nanos", message.nanos, "less than one unit, with the sign of units")
    return money_of(field, Decimal(message.units) + Decimal(message.nanos).scaleb(-9), message.currency_code)


def read_optional_money(field: str, message: Message, name: str) -> Money | None:
    """Returns a money field of a message; None if it is absent."""
    return read_money(field, getattr(message, name)) if message.HasField(name) else None


def read_date(field: str, message: Message, name: str) -> date | None:
    """Returns a date field of a message; None if it is absent or all zero. Raises InvalidInput for others."""
    value = getattr(message, name)
    if not message.HasField(name) or not (value.year or value.month or value.day):
        return None
    got = f"{value.year}-{value.month}-{value.day}"
    if 0 < value.year < YEAR_LEAST:
        raise InvalidInput(field, got, "a full calendar date with a year of four digits")
    try:
        return date(value.year, value.month, value.day)
    except ValueError:
        raise InvalidInput(field, got, "a full calendar date") from None


def required_date(field: str, message: Message, name: str) -> date:
    """Returns a date field of a message; raises InvalidInput if it is absent."""
    value = read_date(field, message, name)
    if value is None:
        raise InvalidInput(field, "nothing", "a date")
    return value


def read_time(field: str, message: Message, name: str) -> int | None:
    """Returns a time as microseconds since 1970-01-01 UTC; None if it is absent.

    Raises InvalidInput for a time before the year 1 or after the year 9999, and for nanoseconds of another second.
    """
    if not message.HasField(name):
        return None
    time: Timestamp = getattr(message, name)
    if not (SECONDS_LEAST <= time.seconds <= SECONDS_MOST and 0 <= time.nanos < NANOS):
        got = f"{time.seconds} s and {time.nanos} ns"
        raise InvalidInput(field, got, "a time from the year 1 to 9999, with 0 to 999,999,999 ns")
    return time.seconds * 1_000_000 + time.nanos // 1_000


def read_all(**steps: Callable[[], object]) -> dict[str, Any]:
    """Runs the steps that read a message; returns their results by name.

    Raises one InvalidInput that lists the violations of all steps that failed.
    """
    found: dict[str, Any] = {}
    check_all(*(partial(_read_step, read, name, found) for name, read in steps.items()))
    return found


def optional_currency(code: str) -> str:
    """Returns a currency code, which may be empty; raises InvalidInput for an unknown code."""
    if code:
        digits_of(code)
    return code


async def in_slices(messages: Iterable[R]) -> AsyncIterator[tuple[int, R]]:
    """Yields the messages of a repeated field with their positions, and lets other calls run after each slice.

    A request may have so many messages that they are read for longer than another call should wait.
    """
    for at, message in enumerate(messages):
        if at and at % SLICE_MESSAGES == 0:
            await asyncio.sleep(0)
        yield at, message


def read_each(field: str, messages: Iterable[M], read: Callable[[M], R]) -> list[R]:
    """Returns what ``read`` makes of each message of a repeated field.

    Raises one InvalidInput that lists the violations of all messages, with their fields named from the root of the
    request.
    """
    found: dict[int, R] = {}
    check_all(*(partial(_read_one, field, at, message, read, found) for at, message in enumerate(messages)))
    return list(found.values())


def _read_one(field: str, at: int, message: M, read: Callable[[M], R], into: dict[int, R]) -> None:
    try:
        into[at] = read(message)
    except InvalidInput as error:
        raise error.named(lambda name: f"{field}[{at}].{from_root(message, name)}") from None


READERS: Mapping[str, Callable[[str, Any], Decimal | Money]] = {
    "google.type.Decimal": read_decimal,
    "google.type.Money": read_money,
}


def read_fields(prefix: str, message: Message, record: type[Any]) -> dict[str, Any]:
    """Returns, by name, the fields of a message that have a namesake in the dataclass ``record``, except enums.

    A field that is absent and has a default in the dataclass is omitted. Raises InvalidInput with the name of the
    field, which begins with ``prefix``.
    """
    found: dict[str, Any] = {}
    check_all(*(partial(_read_field, prefix, message, field, found) for field in fields(record)))
    return found


def read_record(record: type[R], prefix: str, message: Message, **steps: Callable[[], object]) -> R:
    """Returns a dataclass with the fields of a message that have a namesake in it, and the results of further steps.

    A step replaces the field of its name. Raises one InvalidInput that lists the violations of the fields that cannot
    be read, and those of the dataclass in the other fields.
    """
    found: dict[str, Any] = {}
    own = [field for field in fields(cast(Any, record)) if field.name not in steps]
    try:
        check_all(
            *(partial(_read_field, prefix, message, field, found) for field in own),
            *(partial(_read_step, read, name, found) for name, read in steps.items()),
        )
    except InvalidInput as unread:
        raise joined([unread, *_violations(record, found, {one.field for one in unread.violations})]) from None
    return record(**found)


def _read_step(read: Callable[[], object], name: str, into: dict[str, Any]) -> None:
    into[name] = read()


def _violations(record: type[Any], stated: dict[str, Any], unread: Container[str]) -> list[InvalidInput]:
    """Returns the violations of a dataclass without its unread fields; none if a required field is unread."""
    required = {field.name for field in fields(record) if field.default is field.default_factory is MISSING}
    if required <= stated.keys():
        try:
            record(**stated)
        except InvalidInput as invalid:
            return [one for one in invalid.violations if one.field not in unread]
    return []


def _read_field(prefix: str, message: Message, field: Field[Any], into: dict[str, Any]) -> None:
    """Reads one field of a message into the values by name."""
    described = message.DESCRIPTOR.fields_by_name.get(field.name)
    if described is None or described.enum_type is not None:
        return
    kind, value, path = described.message_type, getattr(message, field.name), f"{prefix}.{field.name}"
    required = field.default is MISSING and field.default_factory is MISSING
    if kind is None:
        into[field.name] = value
    elif kind.GetOptions().map_entry:
        into[field.name] = dict(value)
    elif kind.full_name in READERS and (required or message.HasField(field.name)):
        into[field.name] = READERS[kind.full_name](path, value)
    elif kind is Date.DESCRIPTOR and (day := read_date(path, message, field.name)):
        into[field.name] = day


def message_of(kind: type[M], source: object, /, **others: object) -> M:
    """Returns a message whose fields hold the attributes of the same names of an object, and ``others``.

    Values are converted by type. In a field of type Decimal, a float is a ratio and an integer is in millionths.
    """
    own = [field for field in kind.DESCRIPTOR.fields if field.name not in others and hasattr(source, field.name)]
    return kind(**{field.name: _converted(field, getattr(source, field.name)) for field in own}, **others)


def _converted(field: FieldDescriptor, value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if field.message_type is None:
        return value
    return next((convert(value) for kind, convert in CONVERTERS.items() if isinstance(value, kind)), value)


def member(field: str, kind: type[E], value: int) -> E:
    """Returns the member of an enum with the given number; raises InvalidInput if there is none."""
    try:
        return kind(value)
    except ValueError:
        raise InvalidInput(field, value, "one of " + ", ".join(one.name for one in kind)) from None


def money(minor: int, currency: str) -> MoneyMessage:
    """Returns an amount in minor units as a message."""
    scale = 10 ** digits_of(currency)
    sign = -1 if minor < 0 else 1
    units, rest = divmod(abs(int(minor)), scale)
    return MoneyMessage(currency_code=currency, units=sign * units, nanos=sign * rest * (NANOS // scale))


def optional_money(amount: Money | None) -> MoneyMessage | None:
    """Returns an amount as a message; None if there is no amount."""
    return None if amount is None else money(amount.minor, amount.currency)


def money_of_float(amount: float, currency: str) -> MoneyMessage | None:
    """Returns a model's amount in major units, rounded to the minor unit, as a message; None for NaN."""
    if math.isnan(amount):
        return None
    (minor,) = to_minor(np.array([amount], dtype=np.float64), np.array([digits_of(currency)], dtype=np.int64))
    return money(int(minor), currency)


def decimal(value: Decimal) -> DecimalMessage:
    """Returns a decimal as a message, without an exponent."""
    return DecimalMessage(value=f"{value:f}")


def optional_decimal(value: Decimal | None) -> DecimalMessage | None:
    """Returns a decimal as a message; None if there is no decimal."""
    return None if value is None else decimal(value)


def of_millionths(value: int) -> DecimalMessage:
    """Returns a number of millionths as a decimal message without trailing zeros."""
    return decimal((Decimal(value) / PPM).normalize())


def ratio(value: float | None) -> DecimalMessage | None:
    """Returns a model's ratio as a message with nine decimals; None if there is no ratio or it is NaN."""
    if value is None or math.isnan(value):
        return None
    return DecimalMessage(value=f"{Decimal(repr(round(value, RATIO_DIGITS))).normalize():f}")


def number(value: float) -> DecimalMessage:
    """Returns a model's number as a message with every digit of float64."""
    return DecimalMessage(value=f"{Decimal(repr(value)).normalize():f}")


def day(value: int) -> Date | None:
    """Returns a day number from a column as a date message; None if it is not set."""
    return calendar_date(date_of(value))


def calendar_date(value: date | None) -> Date | None:
    """Returns a date as a message; None if there is no date."""
    return None if value is None else Date(year=value.year, month=value.month, day=value.day)


def timestamp(microseconds: int) -> Timestamp:
    """Returns microseconds since 1970-01-01 UTC as a message."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds))
    return stamp


def optional_timestamp(microseconds: int | None) -> Timestamp | None:
    """Returns microseconds since 1970-01-01 UTC as a message; None for None and 0."""
    return timestamp(microseconds) if microseconds else None


FLAG_SETS_LIMIT = 4_096
"""Number of sets of flags whose enum values are kept. Rows of a report have few different ones."""


@lru_cache(FLAG_SETS_LIMIT)
def unknown_reasons(bits: int) -> tuple[int, ...]:
    """Returns the enum values of the UnknownReason flags that are set in ``bits``."""
    return _flags(bits, common_pb2.UnknownReason, "UNKNOWN_REASON", UnknownReason)


@lru_cache(FLAG_SETS_LIMIT)
def zero_reasons(bits: int) -> tuple[int, ...]:
    """Returns the enum values of the ZeroReason flags that are set in ``bits``."""
    return _flags(bits, common_pb2.ZeroReason, "ZERO_REASON", ZeroReason)


@lru_cache(FLAG_SETS_LIMIT)
def quality_flags(bits: int) -> tuple[int, ...]:
    """Returns the enum values of the QualityFlag flags that are set in ``bits``."""
    return _flags(bits, common_pb2.QualityFlag, "QUALITY_FLAG", QualityFlag)


def _flags(bits: int, message_enum: EnumTypeWrapper, prefix: str, flags: type[IntFlag]) -> tuple[int, ...]:
    return tuple(message_enum.Value(f"{prefix}_{flag.name}") for flag in flags if flag and bits & flag)


CONVERTERS: dict[type, Callable[[Any], Message | None]] = {
    Decimal: decimal,
    Money: optional_money,
    date: calendar_date,
    float: ratio,
    int: of_millionths,
}
"""Functions that convert a value into the message of its field, by the type of the value."""
