"""Rows of the loan-to-value report: selection, order and columns, computed from a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.filters.expressions import (
    COMPARE,
    Connectives,
    Expression,
    Operator,
    Test,
    evaluate,
    is_met,
)
from collateral_registry.domain.filters.fields import Amount, Enum, FieldType, Id, Measure, Number, Text, enum
from collateral_registry.domain.loans.agreements import LoanState
from collateral_registry.domain.loans.collateral import owed_of, pool_of
from collateral_registry.domain.loans.levels import Level, loan_to_value
from collateral_registry.domain.reports.snapshot import COVER_NAMES, Snapshot
from collateral_registry.domain.shared.string_interner import StringInterner
from valuation._typing import Float, Int
from valuation.errors import InvalidInput

LTV_FILTER: Mapping[str, FieldType] = {
    "loan": Id("loans"),
    "borrower": Text(),
    "currency_code": Text(),
    "level": enum(Level, "LTV_LEVEL_", ordered=True),
    "coverage": Enum({"KNOWN": 0, "UNKNOWN": 1}, "COVERAGE_"),
    "ltv": Measure(),
    "exposure": Amount(),
    "market_value": Amount(),
    "lendable_value": Amount(),
    "unknown_asset_count": Number(),
}
"""Fields by which the report can be filtered. ``ltv`` is absent if nothing is owed."""

WORD_COLUMNS = {"loan": "loan_id", "borrower": "borrower", "currency_code": "currency"}
NUMBER_COLUMNS = {
    "level": "level",
    "coverage": "coverage_unknown",
    "exposure": "exposure_minor",
    "market_value": "market_minor",
    "lendable_value": "lendable_minor",
    "unknown_asset_count": "unknown_assets",
}
"""The columns of the snapshot that hold a field."""

NEXT_LIMIT_NAMES = ("watch_ppm", "margin_call_ppm", "stop_draw_ppm", "liquidation_ppm")
"""Columns that hold the limit of the next level, indexed by the current level."""

LTV_ORDERS = ("ltv desc", "ltv", "loan", "exposure desc", "level desc")


def ltv_of(covers: Mapping[str, Int], good: str = "") -> Float:
    """Returns the LTV [l] by which loans are judged; infinite for a debt without collateral, and 0 without debt."""
    return loan_to_value(owed_of(covers), pool_of(covers, good))


def next_limit_of(covers: Mapping[str, Int]) -> Int:
    """Returns the limit [l] of the level after the current one, in millionths.

    The current level includes that of a missed deadline. The limit is 0 at the worst level, and without exposure or
    collateral.
    """
    limits = np.stack([covers[name] for name in NEXT_LIMIT_NAMES], axis=1)
    worst = len(NEXT_LIMIT_NAMES)
    has_next = (covers["level"] < worst) & (pool_of(covers) > 0) & (owed_of(covers) > 0)
    rows = np.arange(len(has_next))
    limit: Int = np.where(has_next, limits[rows, np.minimum(covers["level"], worst - 1)], 0)
    return limit


def wanted_rows(snapshot: Snapshot, wanted: Expression) -> Int:
    """Returns the rows of running loans that match a filter on LTV_FILTER."""
    is_met_by = evaluate(wanted, lambda test: _is_met(snapshot, test), _COLUMNS)
    return np.flatnonzero(_is_open(snapshot) & is_met_by).astype(np.int64)


def open_rows(snapshot: Snapshot) -> Int:
    """Returns the rows of running loans."""
    return np.flatnonzero(_is_open(snapshot)).astype(np.int64)


def _is_open(snapshot: Snapshot) -> NDArray[np.bool_]:
    is_active: NDArray[np.bool_] = snapshot.terms["state"][snapshot.cover_terms] == int(LoanState.ACTIVE)
    return is_active


_COLUMNS = Connectives[NDArray[np.bool_]](np.logical_and.reduce, np.logical_or.reduce, np.logical_not)


def _is_met(snapshot: Snapshot, test: Test) -> NDArray[np.bool_]:
    """Returns which rows [l] meet a test."""
    if test.field in WORD_COLUMNS:
        column = WORD_COLUMNS[test.field]
        words: StringInterner = getattr(snapshot.words, column)
        by_word = np.array([is_met(test, text) for text in words.texts], dtype=np.bool_)
        return by_word[snapshot.terms[column][snapshot.cover_terms]]
    values = ltv_of(snapshot.covers) if test.field == "ltv" else snapshot.covers[NUMBER_COLUMNS[test.field]]
    present = owed_of(snapshot.covers) > 0 if test.field == "ltv" else np.ones(len(values), dtype=np.bool_)
    match test.operator:
        case Operator.PRESENT:
            return present
        case Operator.IN:
            return present & np.isin(values, np.array(test.values))
        case _:
            found: NDArray[np.bool_] = present & COMPARE[test.operator](values, test.values[0])
            return found


def in_order(snapshot: Snapshot, rows: Int, order_by: str) -> Int:
    """Returns the rows in the requested order, by default the highest LTV first.

    Raises InvalidInput for an order that is not in LTV_ORDERS.
    """
    covers, rank = snapshot.covers, snapshot.id_rank[rows]
    keys: dict[str, Callable[[], tuple[NDArray[Any], ...]]] = {
        "ltv desc": lambda: (rank, -ltv_of(covers)[rows]),
        "ltv": lambda: (rank, ltv_of(covers)[rows]),
        "loan": lambda: (rank,),
        "exposure desc": lambda: (rank, -covers["exposure_minor"][rows], _currency_ranks(snapshot)[rows]),
        "level desc": lambda: (rank, -ltv_of(covers)[rows], -covers["level"][rows]),
    }
    chosen = order_by or LTV_ORDERS[0]
    if chosen not in keys:
        raise InvalidInput("order_by", repr(chosen[:40]), "one of " + ", ".join(LTV_ORDERS))
    return rows[np.lexsort(keys[chosen]())]


def _currency_ranks(snapshot: Snapshot) -> Int:
    """Returns the alphabetical rank of each loan's currency code [l]."""
    codes = snapshot.words.currency.texts
    rank_of = {code: rank for rank, code in enumerate(sorted(codes))}
    ranks = np.array([rank_of[code] for code in codes], dtype=np.int64)
    found: Int = ranks[snapshot.terms["currency"][snapshot.cover_terms]]
    return found


def plain_rows(snapshot: Snapshot, rows: Int) -> list[dict[str, Any]]:
    """Returns the judgements in the rows as dicts of plain values, with the loan id, borrower, currency and LTV."""
    terms, words = snapshot.cover_terms[rows], snapshot.words
    columns = {name: snapshot.covers[name][rows].tolist() for name in COVER_NAMES}
    named = {"loan_id": ("loan_id", words.loan_id), "borrower": ("borrower", words.borrower)}
    named["currency_code"] = ("currency", words.currency)
    for name, (column, interner) in named.items():
        columns[name] = [interner.texts[number] for number in snapshot.terms[column][terms].tolist()]
    columns["ltv"] = ltv_of(snapshot.covers)[rows].tolist()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
