"""Orders of the loan-to-value report.

A row without a value of the ordered field is last in both directions. Rows with equal values are ordered by the LTV,
highest first, if the level is ordered, and then by the id of the loan, so that an order has one sequence of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.filters.fields import Amount
from collateral_registry.domain.reports.ltv_rows import LTV_FILTER, NUMBER_COLUMNS, WORD_COLUMNS, ltv_of, values_of
from collateral_registry.domain.reports.snapshot import Snapshot
from valuation._typing import Int
from valuation.errors import InvalidInput

DESCENDING = " desc"
DEFAULT_ORDER = "ltv desc"

ORDER_FIELDS = (
    *WORD_COLUMNS, "level", "coverage", "ltv", "exposure", "market_value", "lendable_value", "cash_cure",
    "price_fall_to_margin_call", "deadline_date",
)  # fmt: skip
"""Fields by which the report can be ordered, in both directions."""


def in_order(snapshot: Snapshot, rows: Int, order_by: str) -> Int:
    """Returns the rows in the requested order, by default the highest LTV first.

    Amounts are compared within their currency; the currencies follow in the order of their codes. Raises InvalidInput
    for an order of another field.
    """
    chosen = order_by or DEFAULT_ORDER
    field = chosen.removesuffix(DESCENDING)
    if field not in ORDER_FIELDS:
        want = f"one of {', '.join(ORDER_FIELDS)}, with{DESCENDING} for the largest first"
        raise InvalidInput("order_by", repr(chosen[:40]), want)
    return rows[np.lexsort(_keys(snapshot, rows, field, -1 if chosen.endswith(DESCENDING) else 1))]


def _keys(snapshot: Snapshot, rows: Int, field: str, direction: int) -> tuple[NDArray[Any], ...]:
    """Returns the sort keys of the rows, the last one first."""
    by_id = snapshot.id_rank[rows]
    if field in WORD_COLUMNS:
        return by_id, direction * _word_ranks(snapshot, rows, WORD_COLUMNS[field])
    values, present = values_of(snapshot, field)
    values, absent = direction * np.where(present, values, 0)[rows], ~present[rows]
    by_value = (values, absent) if absent.any() else (values,)
    if isinstance(LTV_FILTER[field], Amount):
        return by_id, values, _word_ranks(snapshot, rows, "currency")
    if NUMBER_COLUMNS.get(field) == "level":
        return by_id, -ltv_of(snapshot.covers)[rows], *by_value
    return by_id, *by_value


def _word_ranks(snapshot: Snapshot, rows: Int, column: str) -> Int:
    """Returns the alphabetical rank of the text of each row in a column of loans."""
    ranks: Int = getattr(snapshot.words, column).ranks()[snapshot.terms[column][snapshot.cover_terms[rows]]]
    return ranks
