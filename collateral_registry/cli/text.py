"""Figures and names as people read them."""

from __future__ import annotations

from decimal import Decimal

from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from collateral_registry.v1 import common_pb2

LEVEL_STYLES = {
    common_pb2.LTV_LEVEL_WATCH: "yellow",
    common_pb2.LTV_LEVEL_MARGIN_CALL: "bold red",
    common_pb2.LTV_LEVEL_STOP_DRAW: "bold red",
    common_pb2.LTV_LEVEL_LIQUIDATION: "bold white on red",
}


def amount(money: Money) -> str:
    """An amount with thousands separators and two decimals."""
    return f"{Decimal(money.units) + Decimal(money.nanos).scaleb(-9):,.2f}"


def percent(ratio: str) -> str:
    """A ratio in percent with two decimals."""
    return f"{Decimal(ratio) * 100:.2f} %"


def when(date: Date) -> str:
    """A date; nothing when it is not set."""
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}" if date.year else ""


def short(name: str, prefix: str) -> str:
    """The name of an enum's member without its prefix, in lower case."""
    return name.removeprefix(prefix).lower()


def level_name(level: int) -> str:
    """A level's name."""
    return common_pb2.LtvLevel.Name(level).removeprefix("LTV_LEVEL_")


def neutral(cell: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell[:1] in {"=", "+", "-", "@"} and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).replace(",", "").isdigit()
