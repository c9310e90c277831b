"""Plain values on the wire and back: money, decimals, dates, times, names of enums."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import IntEnum, IntFlag
from typing import TypeVar

import numpy as np
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money as MoneyMessage

from collateral_registry.domain.shared.days import date_of
from collateral_registry.domain.shared.money import Money, digits_of, money_of
from valuation.errors import InvalidInput
from valuation.money import to_minor

E = TypeVar("E", bound=IntEnum)

DECIMAL_LIMIT_CHARACTERS = 40
RATIO_DIGITS = 9
NANOS = 1_000_000_000


def read_decimal(field: str, message: DecimalMessage) -> Decimal:
    """A decimal; raises InvalidInput when it is not a finite number of at most 40 characters."""
    text = message.value
    if len(text) > DECIMAL_LIMIT_CHARACTERS:
        raise InvalidInput(field, f"{len(text)} characters", f"at most {DECIMAL_LIMIT_CHARACTERS} characters")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise InvalidInput(field, repr(text), "a decimal number such as 12.5") from None
    if not number.is_finite():
        raise InvalidInput(field, text, "a finite number")
    return number


def read_optional_decimal(field: str, message: Message, name: str) -> Decimal | None:
    """The decimal field of a message; none when it is absent."""
    return read_decimal(field, getattr(message, name)) if message.HasField(name) else None


def read_money(field: str, message: MoneyMessage) -> Money:
    """An amount; raises InvalidInput for signs that disagree, fractions of the minor unit, negatives and excess."""
    if not -NANOS < message.nanos < NANOS or message.units * message.nanos < 0:
        raise InvalidInput(f"{field}.nanos", message.nanos, "within one unit and of the sign of units")
    return money_of(field, Decimal(message.units) + Decimal(message.nanos).scaleb(-9), message.currency_code)


def read_optional_money(field: str, message: Message, name: str) -> Money | None:
    """The money field of a message; none when it is absent."""
    return read_money(field, getattr(message, name)) if message.HasField(name) else None


def read_date(field: str, message: Message, name: str) -> date | None:
    """The date field of a message; none when it is absent or all zero."""
    value = getattr(message, name)
    if not message.HasField(name) or not (value.year or value.month or value.day):
        return None
    try:
        return date(value.year, value.month, value.day)
    except ValueError:
        got = f"{value.year}-{value.month}-{value.day}"
        raise InvalidInput(field, got, "a full calendar date") from None


def required_date(field: str, message: Message, name: str) -> date:
    """The date field of a message; raises InvalidInput when it is absent."""
    value = read_date(field, message, name)
    if value is None:
        raise InvalidInput(field, "nothing", "a date")
    return value


def member(field: str, kind: type[E], value: int) -> E:
    """The member of an enum with a number; raises InvalidInput for a number it does not have."""
    try:
        return kind(value)
    except ValueError:
        raise InvalidInput(field, value, "one of " + ", ".join(one.name for one in kind)) from None


def money(minor: int, currency: str) -> MoneyMessage:
    """Minor units as a message."""
    scale = 10 ** digits_of(currency)
    sign = -1 if minor < 0 else 1
    units, rest = divmod(abs(int(minor)), scale)
    return MoneyMessage(currency_code=currency, units=sign * units, nanos=sign * rest * (NANOS // scale))


def money_of_float(amount: float, currency: str) -> MoneyMessage:
    """A model's amount in major units as a message, by the one crossing from float to money."""
    (minor,) = to_minor(np.array([amount], dtype=np.float64), np.array([digits_of(currency)], dtype=np.int64))
    return money(int(minor), currency)


def decimal(value: Decimal) -> DecimalMessage:
    """A decimal as plain digits."""
    return DecimalMessage(value=f"{value:f}")


def ratio(value: float) -> DecimalMessage:
    """A model's ratio, to nine decimals."""
    return DecimalMessage(value=f"{Decimal(repr(round(value, RATIO_DIGITS))).normalize():f}")


def number(value: float) -> DecimalMessage:
    """A model's number with every digit of float64."""
    return DecimalMessage(value=f"{Decimal(repr(value)).normalize():f}")


def day(value: int) -> Date | None:
    """A day of columns as a date; none when it is not set."""
    return calendar_date(date_of(value))


def calendar_date(value: date | None) -> Date | None:
    """A date as a message; none for none."""
    return None if value is None else Date(year=value.year, month=value.month, day=value.day)


def timestamp(microseconds: int) -> Timestamp:
    """Microseconds from 1970-01-01 UTC as a message."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds))
    return stamp


def bits(value: int, message_enum: EnumTypeWrapper, prefix: str, flags: type[IntFlag]) -> list[int]:
    """The numbers in a message's enum of the flags set in a bit set."""
    return [message_enum.Value(f"{prefix}_{flag.name}") for flag in flags if flag and value & flag]
