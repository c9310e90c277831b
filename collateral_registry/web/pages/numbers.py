"""Amounts, shares and days as a reader sees them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money

from collateral_registry.domain.shared.money import digits_of

MINUS = "\u2212"
NONE = "\u2014"
"""Stands where there is no figure."""

_GROUPS = "[1-9][0-9]{0,2}([, \u202f\u00a0])[0-9]{3}(?:\\1[0-9]{3}){0,3}"
"""Whole units in groups of three digits, all separated by the same sign."""

AMOUNT = re.compile(rf"(?:[0-9]{{1,15}}|{_GROUPS})(?:\.[0-9]{{1,9}})?")
"""An amount as forms take it. A comma separates groups and is never a decimal sign: 2,5 is no amount."""

NO_BREAK = "\u00a0"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def value_of(money: Money) -> Decimal:
    """Returns an amount exactly."""
    return Decimal(money.units) + Decimal(money.nanos).scaleb(-9)


def ratio_of(message: DecimalMessage) -> Decimal | None:
    """Returns a ratio, or None if it is absent."""
    return Decimal(message.value) if message.value else None


def grouped(value: Decimal, decimals: int = 0, rounding: str = ROUND_HALF_EVEN) -> str:
    """Returns a number with thousands separators, in which the minus sign is U+2212."""
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding)
    return f"{abs(rounded):,.{decimals}f}" if rounded >= 0 else f"{MINUS}{abs(rounded):,.{decimals}f}"


def worth(money: Money) -> str:
    """Returns a value in whole units, rounded down."""
    return grouped(value_of(money), 0, ROUND_FLOOR)


def owed(money: Money) -> str:
    """Returns a debt or a cure in whole units, rounded up."""
    return grouped(value_of(money), 0, ROUND_CEILING)


def exact(money: Money) -> str:
    """Returns an amount with all its decimals, at least two."""
    return all_digits(value_of(money))


def all_digits(value: Decimal) -> str:
    """Returns an amount with all its decimals, at least two."""
    return grouped(value, _decimals(value))


def minor(value: Decimal, currency: str) -> str:
    """Returns a computed amount to the minor unit of its currency, with at least two decimals."""
    return grouped(value, max(2, digits_of(currency)))


def change(money: Money) -> str:
    """Returns a change in whole units with its sign; a dash if it is zero."""
    return _signed(value_of(money), 0)


def exact_change(money: Money) -> str:
    """Returns a change with all its decimals, at least two, and its sign; a dash if it is zero."""
    return signed_digits(value_of(money))


def signed_digits(value: Decimal) -> str:
    """Returns a change with all its decimals, at least two, and its sign; a dash if it is zero."""
    return _signed(value, _decimals(value))


def _signed(value: Decimal, decimals: int) -> str:
    return NONE if not value else f"{'+' if value > 0 else ''}{grouped(value, decimals)}"


def _decimals(value: Decimal) -> int:
    return max(2, -int(value.normalize().as_tuple().exponent))


def percent(ratio: Decimal | DecimalMessage | None, decimals: int = 1) -> str:
    """Returns a ratio in percent, with a no-break space before the sign; a dash if it is absent."""
    found = ratio_of(ratio) if isinstance(ratio, DecimalMessage) else ratio
    return NONE if found is None else f"{grouped(found * 100, decimals)}{NO_BREAK}%"


def exact_percent(ratio: DecimalMessage) -> str:
    """Returns a ratio in percent with all its decimals, at least two; a dash if it is absent."""
    found = ratio_of(ratio)
    return percent(found, 2 if found is None else _decimals(found * 100))


def number(text: str) -> str:
    """Returns a decimal number of the contract with thousands separators and its own decimals."""
    found = Decimal(text).normalize()
    return grouped(found, max(0, -int(found.as_tuple().exponent)))


def sums(amounts: Sequence[Money]) -> list[Money]:
    """Returns the sum of the amounts of each currency, in the order of the currencies' codes; zeros are left out."""
    totals: dict[str, Decimal] = {}
    for money in amounts:
        totals[money.currency_code] = totals.get(money.currency_code, Decimal(0)) + value_of(money)
    return [money_of(value, code) for code, value in sorted(totals.items()) if value]


def money_of(value: Decimal, currency: str) -> Money:
    """Returns an amount as a message."""
    units = int(value)
    return Money(currency_code=currency, units=units, nanos=int((value - units).scaleb(9)))


def parsed_money(text: str, currency: str) -> Money | None:
    """Returns the amount that a person wrote, such as 1,000.50; None for another text."""
    found = AMOUNT.fullmatch(text.strip())
    return money_of(Decimal(found[0].replace(found[1] or ",", "")), currency) if found else None


def calendar(day: Date) -> date | None:
    """Returns a day, or None if it is not set."""
    return date(day.year, day.month, day.day) if day.year else None


def shown_day(day: Date | date | None, language: str, *, with_year: bool = True) -> str:
    """Returns a day in words of the language; a dash if it is not set."""
    if day is None or not day.year:
        return NONE
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日" if with_year else f"{day.month}月{day.day}日"
    short = f"{day.day} {MONTHS[day.month - 1]}"
    return f"{short} {day.year}" if with_year else short


def shown_time(time: Timestamp, language: str) -> str:
    """Returns a time in UTC to the minute."""
    if not time.seconds:
        return NONE
    moment = time.ToDatetime(UTC)
    return f"{shown_day(moment.date(), language)} {moment:%H:%M} UTC"


def identifier(name: str) -> str:
    """Returns the last part of a resource name."""
    return name.rpartition("/")[2]
