"""Figures and names as people read them."""

from __future__ import annotations

import datetime as dt
import re
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


FORMULA_STARTS = {"=", "+", "-", "@", "\t", "\r"}
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
SHOWN_DECIMALS = 2


def date_message(field: str, text: str) -> Date:
    """A date such as 2022-07-01 as a message; raises ValueError naming the field."""
    problem = ValueError(f"{field}: got {text[:40]!r}, want a date such as 2022-07-01")
    if not DATE.fullmatch(text):
        raise problem
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise problem from None
    return Date(year=day.year, month=day.month, day=day.day)


def exact(money: Money) -> Decimal:
    """An amount as a number."""
    return Decimal(money.units) + Decimal(money.nanos).scaleb(-9)


def amount(money: Money) -> str:
    """An amount with thousands separators and two decimals, or as many as its currency needs."""
    value = exact(money).normalize()
    decimals = max(SHOWN_DECIMALS, -int(value.as_tuple().exponent))
    return f"{value:,.{decimals}f}"


def percent(ratio: str) -> str:
    """A ratio in percent with two decimals."""
    return f"{Decimal(ratio) * 100:.2f} %"


def when(date: Date) -> str:
    """A date; nothing when it is not set."""
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}" if date.year else ""


def moment(stamp: Timestamp) -> str:
    """A moment in UTC to the second; nothing when it is not set."""
    return stamp.ToDatetime(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if stamp.seconds else ""


def named(collection: str, text: str) -> str:
    """A resource name from an id, or from the name itself."""
    return text if text.startswith(f"{collection}/") else f"{collection}/{text}"


def short(name: str, prefix: str) -> str:
    """The name of an enum's member without its prefix, in lower case."""
    return name.removeprefix(prefix).lower()


def level_name(level: int) -> str:
    """A level's name."""
    return common_pb2.LtvLevel.Name(level).removeprefix("LTV_LEVEL_")


def neutral(cell: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell[:1] in FORMULA_STARTS and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).replace(",", "").isdigit()
