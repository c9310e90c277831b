"""Servicer of HistoryService, with the conversion of its days."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from enum import IntEnum
from typing import Any

from grpc.aio import ServicerContext

from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.commands.reports.history import BookHistories, Judgements, Span, loan_days, ltv_days
from collateral_registry.domain.reports.history import Collateral, KeyTotal, LevelTotal, totals_of, with_largest
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import current_caller
from collateral_registry.rpc.common.checks import ids_of
from collateral_registry.rpc.common.cover_messages import (
    cover_message,
    coverage_message,
    level_message,
    limits_message,
)
from collateral_registry.rpc.common.moments import market_date, read_moment
from collateral_registry.rpc.common.paging import NEWEST, Page, page_of
from collateral_registry.rpc.reports.servicer import total_message
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.commits import ClosedDay
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.v1 import history_pb2 as pb, history_pb2_grpc
from valuation.errors import InvalidInput

BOOK_DAYS_LIMIT = 250
"""Largest number of days in a page of the history of the book."""

KEYS_DEFAULT = 10
KEYS_LIMIT = 100
"""Largest number of classes, and of goods, that are listed for a currency."""

LTV_LOANS_LIMIT = 100
"""Largest number of loans in a batch of LTVs."""

LTV_DAYS_DEFAULT = 30
LTV_DAYS_LIMIT = 100
"""Largest number of days in a batch of LTVs."""


class BookHistoryView(IntEnum):
    """Parts of the history of the book; the numeric values are sent."""

    UNSPECIFIED = 0
    LEVELS = 1
    FULL = 2


class HistoryServicer(history_pb2_grpc.HistoryServiceServicer):
    """Returns loans and the book by business date."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner
        self._book = BookHistories()

    async def GetLoanHistory(
        self, request: pb.GetLoanHistoryRequest, context: ServicerContext
    ) -> pb.GetLoanHistoryResponse:
        """Returns the cover of a loan at the end of each business date, newest first."""
        read = convert.read_all(
            name=lambda: id_of("name", request.name, "loans"),
            dates=lambda: _dates(request),
            page=lambda: _page(request),
        )
        (loan_id,) = read["name"]
        page: Page[tuple[int, int]] = read["page"]

        def work(connection: Connection) -> pb.GetLoanHistoryResponse:
            span = _span(connection, request, read["dates"], page)
            days, token = page.cut(span.days(connection), lambda day: (span.moment.seq, day.market_day))
            currency = get_loan(connection, loan_id).loan.currency
            found = loan_days(connection, [loan_id], days)[loan_id]
            return pb.GetLoanHistoryResponse(
                days=[_loan_day(loan_id, day, found[day.seq], currency) for day in days if day.seq in found],
                sequence=span.moment.seq,
                market_date=market_date(span.moment),
                next_page_token=token,
            )

        return await self.runner.read(work)

    async def BatchGetLtvHistories(
        self, request: pb.BatchGetLtvHistoriesRequest, context: ServicerContext
    ) -> pb.BatchGetLtvHistoriesResponse:
        """Returns the LTVs and levels of several loans at the end of the last business dates, oldest first."""
        read = convert.read_all(
            names=lambda: ids_of("names", request.names, "loans", LTV_LOANS_LIMIT),
            count=lambda: _count("day_count", request.day_count, LTV_DAYS_DEFAULT, LTV_DAYS_LIMIT),
        )
        names: list[str] = read["names"]

        def work(connection: Connection) -> pb.BatchGetLtvHistoriesResponse:
            moment = read_moment(connection, request.as_of)
            days = Span(moment, 0, NEWEST, read["count"]).days(connection)[::-1]
            found = ltv_days(connection, names, days)
            return pb.BatchGetLtvHistoriesResponse(
                market_dates=[convert.day(day.market_day) for day in days],
                histories=[_ltv_history(name, days, found[name]) for name in names],
                sequence=moment.seq,
            )

        return await self.runner.long_read(work)

    async def GetBookHistory(
        self, request: pb.GetBookHistoryRequest, context: ServicerContext
    ) -> pb.GetBookHistoryResponse:
        """Returns totals, levels and collateral of the book at the end of each business date, newest first."""
        read = convert.read_all(
            dates=lambda: _dates(request),
            keys=lambda: _count("key_limit", request.key_limit, KEYS_DEFAULT, KEYS_LIMIT),
            view=lambda: convert.member("view", BookHistoryView, request.view),
            page=lambda: _page(request, BOOK_DAYS_LIMIT),
        )
        page: Page[tuple[int, int]] = read["page"]

        def work(connection: Connection) -> pb.GetBookHistoryResponse:
            span = _span(connection, request, read["dates"], page)
            days, token = page.cut(span.days(connection), lambda day: (span.moment.seq, day.market_day))
            found = [
                _book_day(day, levels) for day, levels in zip(days, self._book.levels(connection, days), strict=True)
            ]
            if read["view"] is not BookHistoryView.LEVELS:
                _add_collateral(found, self._book.collateral(connection, days), read["keys"])
            return pb.GetBookHistoryResponse(
                days=found,
                sequence=span.moment.seq,
                market_date=market_date(span.moment),
                next_page_token=token,
            )

        return await self.runner.long_read(work)


PagedHistory = pb.GetLoanHistoryRequest | pb.GetBookHistoryRequest
Dates = tuple[date | None, date | None]


def _dates(request: PagedHistory) -> Dates:
    """Returns the first and the last date of a request; raises InvalidInput if they are in the wrong order."""
    first = convert.read_date("first_date", request, "first_date")
    last = convert.read_date("last_date", request, "last_date")
    if first is not None and last is not None and last < first:
        raise InvalidInput("last_date", last, f"{first} or later, which is first_date")
    return first, last


def _page(request: PagedHistory, limit: int | None = None) -> Page[tuple[int, int]]:
    """Returns the page of a request: after the commit of the first page, and before a day."""
    bounds = (request.first_date, request.last_date, request.as_of)
    scope = (current_caller().lender, type(request).__name__, getattr(request, "name", ""), *map(str, bounds))
    page = page_of(request, repr(scope), (0, NEWEST))
    return page if limit is None else Page(page.query, min(page.size, limit), page.after)


def _span(connection: Connection, request: PagedHistory, dates: Dates, page: Page[tuple[int, int]]) -> Span:
    """Returns the days to read, one more than those of the page."""
    first, last = dates
    (pinned, before), size = page.bounds
    moment: Moment = read_moment(connection, request.as_of, pinned)
    upto = NEWEST if last is None else day_of(last) + 1
    return Span(moment, 0 if first is None else day_of(first), min(before, upto), size)


def _count(field: str, requested: int, default: int, limit: int) -> int:
    if requested < 0:
        raise InvalidInput(field, requested, "0 or more")
    return min(requested or default, limit)


def _loan_day(loan_id: str, day: ClosedDay, row: Mapping[str, Any], currency: str) -> pb.LoanHistoryDay:
    return pb.LoanHistoryDay(
        market_date=convert.day(day.market_day),
        sequence=day.seq,
        cover=cover_message(row, currency),
        ltv_levels=limits_message(row),
        ltv_basis=row["basis"],
        breach=f"loans/{loan_id}/breaches/{row['breach_number']}" if row["breach_open"] else "",
        deadline_date=convert.day(row["deadline_day"]),
    )


def _ltv_history(loan_id: str, days: Sequence[ClosedDay], rows: Judgements) -> pb.LtvHistory:
    points = [_point(rows[day.seq]) if day.seq in rows else pb.LtvPoint() for day in days]
    return pb.LtvHistory(loan=f"loans/{loan_id}", points=points)


def _point(row: Mapping[str, Any]) -> pb.LtvPoint:
    ltv, is_owed = row["ltv"], row["owed"] > 0
    return pb.LtvPoint(
        level=level_message(row["level"]),
        coverage=coverage_message(row["coverage_unknown"]),
        ltv=convert.ratio(ltv) if is_owed and math.isfinite(ltv) else None,
        ltv_infinite=is_owed and math.isinf(ltv),
    )


def _book_day(day: ClosedDay, levels: Sequence[LevelTotal]) -> pb.BookHistoryDay:
    return pb.BookHistoryDay(
        market_date=convert.day(day.market_day),
        sequence=day.seq,
        totals=map(total_message, totals_of(levels)),
        levels=map(_level, levels),
    )


def _add_collateral(days: Sequence[pb.BookHistoryDay], found: Sequence[Collateral], keys: int) -> None:
    """Adds the claims of each day, with at most ``keys`` classes and goods of each currency."""
    classes = with_largest([day.classes for day in found], keys)
    goods = with_largest([day.goods for day in found], keys)
    for day, of_classes, of_goods in zip(days, classes, goods, strict=True):
        day.classes.extend(map(_collateral, of_classes))
        day.goods.extend(map(_collateral, of_goods))


def _level(one: LevelTotal) -> pb.BookHistoryLevel:
    return pb.BookHistoryLevel(
        currency_code=one.currency,
        level=level_message(one.level),
        loan_count=one.loans,
        unknown_count=one.unknown,
        exposure=convert.money(one.exposure_minor, one.currency),
        market_value=convert.money(one.market_minor, one.currency),
        lendable_value=convert.money(one.lendable_minor, one.currency),
    )


def _collateral(one: KeyTotal) -> pb.BookHistoryCollateral:
    return pb.BookHistoryCollateral(
        currency_code=one.currency,
        key=one.key,
        market_value=convert.money(one.market_minor, one.currency),
        lendable_value=convert.money(one.lendable_minor, one.currency),
        others_count=one.others,
    )
