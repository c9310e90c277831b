"""Formats amounts, dates and names for display."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from collateral_registry.v1 import common_pb2

LEVEL_STYLES = {
    common_pb2.LTV_LEVEL_WATCH: "yellow",
    common_pb2.LTV_LEVEL_MARGIN_CALL: "bold red",
    common_pb2.LTV_LEVEL_STOP_DRAW: "bold red",
    common_pb2.LTV_LEVEL_LIQUIDATION: "bold white on red",
}


DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
SHOWN_DECIMALS = 2


def date_message(field: str, text: str) -> Date:
    """Parses a date such as 2022-07-01 into a message; raises ValueError naming the field."""
    problem = ValueError(f"{field}: got {text[:40]!r}, want a date such as 2022-07-01")
    if not DATE.fullmatch(text):
        raise problem
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise problem from None
    return Date(year=day.year, month=day.month, day=day.day)


def to_decimal(money: Money) -> Decimal:
    """Returns an amount as an exact decimal."""
    return Decimal(money.units) + Decimal(money.nanos).scaleb(-9)


def format_amount(money: Money) -> str:
    """Formats an amount with thousands separators and at least two decimals."""
    value = to_decimal(money).normalize()
    decimals = max(SHOWN_DECIMALS, -int(value.as_tuple().exponent))
    return f"{value:,.{decimals}f}"


def format_percent(ratio: str) -> str:
    """Formats a ratio as a percentage with two decimals."""
    return f"{Decimal(ratio) * 100:.2f} %"


def format_date(date: Date) -> str:
    """Formats a date as YYYY-MM-DD; an empty string if it is not set."""
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}" if date.year else ""


def format_time(stamp: Timestamp) -> str:
    """Formats a timestamp in UTC to the second; an empty string if it is not set."""
    return stamp.ToDatetime(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if stamp.seconds else ""


def resource_name(collection: str, text: str) -> str:
    """Returns the resource name for an id; a full name is returned unchanged."""
    return text if text.startswith(f"{collection}/") else f"{collection}/{text}"


def member_name(collection: str, given: str, example: str) -> tuple[str, str]:
    """Returns the name of a loan and the id in one of its collections, given as LOAN/ID or in full.

    Raises ValueError, with an example of an id, for any other form.
    """
    parts = given.split("/")
    if len(parts) == 2 and all(parts):
        return f"loans/{parts[0]}", parts[1]
    if len(parts) == 4 and parts[0] == "loans" and parts[2] == collection:
        return f"loans/{parts[1]}", parts[3]
    raise ValueError(f"{collection}: got {given[:60]!r}, want a loan and an id such as loan-1/{example}")


def enum_label(name: str, prefix: str) -> str:
    """Returns an enum member's name without its prefix, in lower case."""
    return name.removeprefix(prefix).lower()


def level_name(level: int) -> str:
    """Returns the name of an LTV level without its prefix."""
    return common_pb2.LtvLevel.Name(level).removeprefix("LTV_LEVEL_")


def names_of_unknown_reasons(reasons: Iterable[common_pb2.UnknownReason.ValueType]) -> list[str]:
    """Returns the names of reasons without their prefix."""
    return [common_pb2.UnknownReason.Name(one).removeprefix("UNKNOWN_REASON_") for one in reasons]
