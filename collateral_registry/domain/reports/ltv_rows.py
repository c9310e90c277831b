"""Rows of the loan-to-value report: selection, order and columns, computed from a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.loans.agreements import LoanState
from collateral_registry.domain.loans.levels import LtvBasis, loan_to_value
from collateral_registry.domain.reports.snapshot import COVER_NAMES, Snapshot
from collateral_registry.domain.shared.string_interner import StringInterner
from valuation._typing import Float, Int
from valuation.errors import InvalidInput

LTV_FILTERS = ("borrower", "currency_code", "level", "coverage")
NEXT_LIMIT_NAMES = ("watch_ppm", "margin_call_ppm", "stop_draw_ppm", "liquidation_ppm")
"""Columns that hold the limit of the next level, indexed by the current level."""

LTV_ORDERS = ("ltv desc", "ltv", "loan", "exposure desc", "level desc")


def pool_of(covers: Mapping[str, Int], good: str = "") -> Int:
    """Returns the collateral value [l] on each loan's basis.

    It is the conservative value by default. With the column prefix ``good_`` it is the value from last good values.
    """
    lendable = covers["basis"] == int(LtvBasis.LENDABLE)
    values: Int = np.where(lendable, covers[f"{good}lendable_minor"], covers[f"{good}market_minor"])
    return values


def ltv_of(covers: Mapping[str, Int], good: str = "") -> Float:
    """Returns the LTV [l] on :func:`pool_of`; infinite for an exposure without collateral, and 0 without exposure."""
    return loan_to_value(covers["exposure_minor"], pool_of(covers, good))


def next_limit_of(covers: Mapping[str, Int]) -> Int:
    """Returns the limit [l] of the level after the current one, in millionths.

    The current level includes that of a missed deadline. The limit is 0 at the worst level, and without exposure or
    collateral.
    """
    limits = np.stack([covers[name] for name in NEXT_LIMIT_NAMES], axis=1)
    worst = len(NEXT_LIMIT_NAMES)
    has_next = (covers["level"] < worst) & (pool_of(covers) > 0) & (covers["exposure_minor"] > 0)
    rows = np.arange(len(has_next))
    limit: Int = np.where(has_next, limits[rows, np.minimum(covers["level"], worst - 1)], 0)
    return limit


def wanted_rows(snapshot: Snapshot, wanted: Sequence[tuple[str, str | int]]) -> Int:
    """Returns the rows of running loans that match every (field, value) filter.

    Raises InvalidInput for a field that is not in LTV_FILTERS.
    """
    terms = snapshot.cover_terms
    keep: NDArray[np.bool_] = snapshot.terms["state"][terms] == int(LoanState.ACTIVE)
    for name, value in wanted:
        keep = keep & _equal(snapshot, name, value)
    return np.flatnonzero(keep).astype(np.int64)


def _equal(snapshot: Snapshot, name: str, value: str | int) -> NDArray[np.bool_]:
    if name not in LTV_FILTERS:
        raise InvalidInput("filter", repr(name[:40]), "one of " + ", ".join(LTV_FILTERS))
    numbered = {"level": "level", "coverage": "coverage_unknown"}
    if name in numbered:
        return np.equal(snapshot.covers[numbered[name]], value)
    column = {"borrower": "borrower", "currency_code": "currency"}[name]
    words: StringInterner = getattr(snapshot.words, column)
    return np.equal(snapshot.terms[column][snapshot.cover_terms], words.number_of(str(value)))


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
