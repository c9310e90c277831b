"""Builds the tables of histories from the messages of the service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from collateral_registry.notebook.columns import amounts, dates, levels, name_of, optional, ratios, scale_of
from collateral_registry.v1 import common_pb2, history_pb2

COVER_AMOUNTS = ("exposure", "lendable_value", "market_value", "cash_cure")
SUMS = ("exposure", "lendable_value", "market_value")
LIMITS = ("watch", "margin_call", "stop_draw", "liquidation")


def loan_days_table(days: Sequence[history_pb2.LoanHistoryDay]) -> pa.Table:
    """Returns the days of a loan, oldest first; the LTV is infinite for a debt without collateral."""
    shown = list(reversed(days))
    covers = [one.cover for one in shown]
    limits = [one.ltv_levels for one in shown]
    currencies = [one.exposure.currency_code for one in covers]
    scale = scale_of(currencies)
    ltvs = [float("inf") if one.ltv_infinite else float(one.ltv.value) if one.ltv.value else None for one in covers]
    coverages = [name_of(common_pb2.Coverage, one.coverage) for one in covers]
    return pa.table({
        "date": dates([one.market_date for one in shown]),
        "level": levels([name_of(common_pb2.LtvLevel, one.level) for one in covers]),
        "coverage": pa.array(coverages, pa.string()),
        "ltv": pa.array(ltvs, pa.float64()),
        **{name: amounts([optional(one, name) for one in covers], scale) for name in COVER_AMOUNTS},
        "currency_code": pa.array(currencies, pa.string()),
        **{f"{name}_limit": ratios(limits, name) for name in LIMITS},
        "judged_date": dates([one.market_date for one in covers]),
        "deadline_date": dates([optional(one, "deadline_date") for one in shown]),
        "sequence": pa.array([one.sequence for one in shown], pa.int64()),
    })  # fmt: skip


def currency_days_table(days: Sequence[history_pb2.BookHistoryDay]) -> pa.Table:
    """Returns the totals of each day by currency, oldest day first."""
    placed = [(day, one) for day in reversed(days) for one in day.totals]
    counts = ("loan_count", "breach_count", "unknown_count")
    return _table(placed, {name: _counts(placed, name) for name in counts}, SUMS)


def level_days_table(days: Sequence[history_pb2.BookHistoryDay]) -> pa.Table:
    """Returns the totals of each day by currency and level, oldest day first."""
    placed = [(day, one) for day in reversed(days) for one in day.levels]
    named = {"level": levels([name_of(common_pb2.LtvLevel, one.level) for _, one in placed])}
    return _table(placed, named | {name: _counts(placed, name) for name in ("loan_count", "unknown_count")}, SUMS)


def class_days_table(days: Sequence[history_pb2.BookHistoryDay]) -> pa.Table:
    """Returns the claims of each day by currency and asset class, oldest day first."""
    return _claims([(day, one) for day in reversed(days) for one in day.classes])


def good_days_table(days: Sequence[history_pb2.BookHistoryDay]) -> pa.Table:
    """Returns the claims of each day by currency and good, oldest day first."""
    return _claims([(day, one) for day in reversed(days) for one in day.goods])


BOOK_TABLES: dict[str, Callable[[Sequence[history_pb2.BookHistoryDay]], pa.Table]] = {
    "currency": currency_days_table,
    "level": level_days_table,
    "class": class_days_table,
    "good": good_days_table,
}
"""The table of the history of the book by what its rows are."""

VIEWS = {"currency": history_pb2.BOOK_HISTORY_VIEW_LEVELS, "level": history_pb2.BOOK_HISTORY_VIEW_LEVELS}
"""The parts of the history that a table needs, if they are not all."""

Placed = Sequence[tuple[history_pb2.BookHistoryDay, Any]]


def _claims(placed: Placed) -> pa.Table:
    named = {"key": pa.array([one.key or None for _, one in placed], pa.string())}
    return _table(placed, named | {"others_count": _counts(placed, "others_count")}, SUMS[1:])


def _counts(placed: Placed, name: str) -> pa.Array:
    return pa.array([getattr(one, name) for _, one in placed], pa.int32())


def _table(placed: Placed, named: dict[str, pa.Array], sums: Sequence[str]) -> pa.Table:
    currencies = [one.currency_code for _, one in placed]
    scale = scale_of(currencies)
    return pa.table({
        "date": dates([day.market_date for day, _ in placed]),
        "currency_code": pa.array(currencies, pa.string()),
        **named,
        **{name: amounts([optional(one, name) for _, one in placed], scale) for name in sums},
    })  # fmt: skip
