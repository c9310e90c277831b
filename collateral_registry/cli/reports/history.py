"""Shows loans and the book by business date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import grpc

from collateral_registry.cli.common.formatting import date_message, format_date, level_name, resource_name, to_decimal
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import (
    COVERAGE_STYLES,
    LEVEL_STYLES,
    Cell,
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    day,
    label,
    share,
)
from collateral_registry.cli.reports.lists import OTHERS, ltv_cell
from collateral_registry.v1 import common_pb2, history_pb2, history_pb2_grpc

BLOCKS = "▁▂▃▄▅▆▇█"
SPARK_DAYS = 40
"""Number of days in a line of blocks."""

AMOUNTS = (
    Column("exposure", Kind.AMOUNT),
    Column("lendable_value", Kind.AMOUNT, "lendable\nvalue", Importance.HIGH),
    Column("market_value", Kind.AMOUNT, "market\nvalue", Importance.USUAL),
)
LOAN_DAYS = Table(
    "days",
    (
        Column("market_date", Kind.DATE, "date"),
        Column("level", Kind.CODE, styles=LEVEL_STYLES),
        Column("coverage", Kind.CODE, "cover", styles=COVERAGE_STYLES),
        Column("ltv", Kind.SHARE, "LTV"),
        *AMOUNTS,
        Column("currency", Kind.CODE, "ccy"),
        Column("margin_call", Kind.SHARE, "call\nat", Importance.USUAL),
        Column("watch", Kind.SHARE, "watch\nat", Importance.DETAIL),
        Column("stop_draw", Kind.SHARE, "stop\nat", Importance.DETAIL),
        Column("liquidation", Kind.SHARE, "sale\nat", Importance.DETAIL),
        Column("cash_cure", Kind.AMOUNT, "cash\ncure", Importance.LOW),
        Column("judged_date", Kind.DATE, "judged", Importance.DETAIL),
        Column("deadline_date", Kind.DATE, "deadline", Importance.DETAIL),
        Column("sequence", Kind.COUNT, "commit", Importance.DETAIL),
    ),
)
FIRST_COLUMNS = (Column("market_date", Kind.DATE, "date"), Column("currency", Kind.CODE, "ccy"))
LOANS = (
    Column("loan_count", Kind.COUNT, "loans"),
    Column("unknown_count", Kind.COUNT, "unknown\ncoverage", Importance.HIGH),
)
TOTAL_DAYS = Table("rows", (*FIRST_COLUMNS, *LOANS, Column("breach_count", Kind.COUNT, "in\nbreach"), *AMOUNTS))
LEVEL_DAYS = Table("rows", (*FIRST_COLUMNS, Column("level", Kind.CODE, styles=LEVEL_STYLES), *LOANS, *AMOUNTS))
KEY_DAYS = Table(
    "rows", (*FIRST_COLUMNS, Column("key", Kind.TEXT), *AMOUNTS[1:], Column("others_count", Kind.COUNT, "other\nkeys"))
)


@dataclass(frozen=True)
class Days:
    """The days of a history as the options state them."""

    first: str
    last: str
    as_of: str
    limit: int


def show_loan_history(channel: grpc.Channel, loan: str, days: Days, layout: Layout) -> None:
    """Shows the cover of a loan at the end of each day, newest first; for a person with a line of its LTVs."""
    request = _stated(history_pb2.GetLoanHistoryRequest(name=resource_name("loans", loan)), days)
    found = fetch_all(history_pb2_grpc.HistoryServiceStub(channel).GetLoanHistory, request, "days", days.limit)
    rows = list(map(_loan_row, found.days))
    title = f"Cover of {request.name} by day, as of commit {found.sequence}"
    line = spark_line([one.cover.ltv.value for one in reversed(found.days[:SPARK_DAYS])])
    show_table(LOAN_DAYS, ListedRows(rows), layout, f"{title}\nLTV {line}" if line else title)


def show_book_history(channel: grpc.Channel, by: str, days: Days, keys: int, layout: Layout) -> None:
    """Shows the book at the end of each day, newest first, by currency, level, class or good."""
    request = _stated(history_pb2.GetBookHistoryRequest(key_limit=keys, view=_VIEWS.get(by)), days)
    found = fetch_all(history_pb2_grpc.HistoryServiceStub(channel).GetBookHistory, request, "days", days.limit)
    table, rows_of = _TABLES[by]
    rows = [row for one in found.days for row in rows_of(one)]
    until = f" until {format_date(found.market_date)}" if found.market_date.year else ""
    show_table(table, ListedRows(rows), layout, f"The book by {by}{until}, as of commit {found.sequence}")


def spark_line(ratios: Sequence[str]) -> str:
    """Returns a block for each ratio, from the lowest to the highest, and a space where there is none."""
    known = [float(ratio) for ratio in ratios if ratio]
    if not known:
        return ""
    lowest, highest = min(known), max(known)
    step = (highest - lowest) / (len(BLOCKS) - 1) or 1.0
    line = "".join(BLOCKS[round((float(ratio) - lowest) / step)] if ratio else " " for ratio in ratios)
    return f"{line} {known[0]:.2%} to {known[-1]:.2%}, lowest {lowest:.2%}, highest {highest:.2%}"


Request = TypeVar("Request", history_pb2.GetLoanHistoryRequest, history_pb2.GetBookHistoryRequest)


def _stated(request: Request, days: Days) -> Request:
    """Returns the request with the days of the options."""
    if days.first:
        request.first_date.CopyFrom(date_message("--from", days.first))
    if days.last:
        request.last_date.CopyFrom(date_message("--to", days.last))
    if days.as_of:
        request.as_of.CopyFrom(as_of_message(days.as_of))
    return request


def _loan_row(one: history_pb2.LoanHistoryDay) -> Row:
    cover, limits = one.cover, one.ltv_levels
    return (
        day(one.market_date),
        level_name(cover.level),
        label(common_pb2.Coverage.Name(cover.coverage), "COVERAGE_"),
        ltv_cell(cover),
        *_amounts(cover),
        cover.exposure.currency_code,
        *(share(limit) for limit in (limits.margin_call, limits.watch, limits.stop_draw, limits.liquidation)),
        to_decimal(cover.cash_cure),
        day(cover.market_date),
        day(one.deadline_date),
        one.sequence,
    )


def _amounts(one: object) -> tuple[Cell, ...]:
    return tuple(to_decimal(getattr(one, column.name)) for column in AMOUNTS)


def _total_rows(one: history_pb2.BookHistoryDay) -> Iterator[Row]:
    for total in one.totals:
        counts = (total.loan_count, total.unknown_count, total.breach_count)
        yield (day(one.market_date), total.currency_code, *counts, *_amounts(total))


def _level_rows(one: history_pb2.BookHistoryDay) -> Iterator[Row]:
    for level in one.levels:
        counts = (level.loan_count, level.unknown_count)
        yield (day(one.market_date), level.currency_code, level_name(level.level), *counts, *_amounts(level))


def _key_rows(one: history_pb2.BookHistoryDay, keys: Iterable[history_pb2.BookHistoryCollateral]) -> Iterator[Row]:
    for key in keys:
        name = OTHERS if key.others_count else key.key
        values = (to_decimal(key.lendable_value), to_decimal(key.market_value))
        yield (day(one.market_date), key.currency_code, name, *values, key.others_count or None)


_VIEWS = {"currency": history_pb2.BOOK_HISTORY_VIEW_LEVELS, "level": history_pb2.BOOK_HISTORY_VIEW_LEVELS}
"""The parts of the history that the rows need, if they are not all."""

_TABLES: dict[str, tuple[Table, Callable[[history_pb2.BookHistoryDay], Iterator[Row]]]] = {
    "currency": (TOTAL_DAYS, _total_rows),
    "level": (LEVEL_DAYS, _level_rows),
    "class": (KEY_DAYS, lambda one: _key_rows(one, one.classes)),
    "good": (KEY_DAYS, lambda one: _key_rows(one, one.goods)),
}
