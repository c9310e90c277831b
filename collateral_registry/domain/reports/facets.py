"""Facets of loans: how many have each value of a field under a filter.

The counts of a field ignore the parts of the filter that test this field only, so that a choice hides no other choice.
The parts of a filter are what it joins by AND at its top.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from collateral_registry.domain.filters.expressions import AllOf, Expression, Test, conjuncts, tests_in
from collateral_registry.domain.filters.fields import Amount, Enum
from collateral_registry.domain.reports.ltv_rows import (
    CLAIM_COLUMNS,
    FLAG_COLUMNS,
    LTV_FILTER,
    NUMBER_COLUMNS,
    values_of,
    wanted_rows,
)
from collateral_registry.domain.reports.snapshot import Snapshot, are_newest_claims
from collateral_registry.domain.shared.days import date_at
from valuation._typing import Int
from valuation.errors import InvalidInput

FACET_FIELDS = (
    "level", "coverage", "currency_code", "deadline_date", "good", "warehouse", "asset_class", "ltv",
    "price_fall_to_margin_call", "unknown_reason", "quality_flag",
)  # fmt: skip
"""Fields by which loans are counted."""

LTV_EDGES = tuple(n / 100 for n in range(30, 125, 5))
"""Ends of the ranges of LTVs, of which the first and the last are open."""

FALL_EDGES = tuple(n / 100 for n in range(101))
"""Upper ends of the ranges of falls."""

DEADLINES = (("PAST", None, -1), ("TODAY", 0, 0), ("WITHIN_3_DAYS", 1, 3), ("WITHIN_7_DAYS", 4, 7), ("LATER", 8, None))
"""Ranges of deadlines, with their first and last days counted from the business date; None is open."""


@dataclass(frozen=True)
class FacetValue:
    """A value as in a filter, empty for loans without one, with their number and a filter that selects them."""

    value: str
    loans: int
    unknown: int
    filter: str


@dataclass(frozen=True)
class Facet:
    """The values of a field, and the number of values that are left out."""

    field: str
    values: Sequence[FacetValue]
    others: int = 0


@dataclass(frozen=True)
class LoanFacets:
    """The facets of the loans that match a filter, and their number."""

    facets: Sequence[Facet]
    loans: int


@dataclass(frozen=True)
class _Counted:
    """The rows of loans to count, the business date and the largest number of values."""

    snapshot: Snapshot
    rows: Int
    day: int
    limit: int

    def facet(self, field: str, names: Sequence[tuple[str, str]], group: Int, rows: Int | None = None) -> Facet:
        """Returns a facet from the number of the value of each counted row; -1 is no value that is listed."""
        rows = self.rows if rows is None else rows
        kept = group >= 0
        unknown = kept & (self.snapshot.covers["coverage_unknown"][rows] > 0)
        counts = np.bincount(group[kept], minlength=len(names)).tolist()
        unknowns = np.bincount(group[unknown], minlength=len(names)).tolist()
        found = [
            FacetValue(value, count, of_unknown, selects)
            for (value, selects), count, of_unknown in zip(names, counts, unknowns, strict=True)
            if count
        ]
        return Facet(field, found)


def checked_fields(fields: Sequence[str]) -> tuple[str, ...]:
    """Returns the fields to count by, all of them if none is stated; raises InvalidInput for another one."""
    for place, field in enumerate(fields):
        if field not in FACET_FIELDS:
            raise InvalidInput(f"fields[{place}]", repr(field[:40]), "one of " + ", ".join(FACET_FIELDS))
    return tuple(field for field in FACET_FIELDS if field in fields or not fields)


def loan_facets(snapshot: Snapshot, wanted: Expression, fields: Sequence[str], day: int, limit: int) -> LoanFacets:
    """Returns the facets of the fields under a filter on a business date, with at most ``limit`` values each."""
    parts = _parts(wanted)
    rows_by_parts: dict[tuple[Expression, ...], Int] = {}

    def rows_of(kept: tuple[Expression, ...]) -> Int:
        if kept not in rows_by_parts:
            rows_by_parts[kept] = wanted_rows(snapshot, AllOf(kept))
        return rows_by_parts[kept]

    facets = []
    for field in fields:
        kept = tuple(part for part in parts if {test.field for test in tests_in(part)} != {field})
        facets.append(_FACETS[field](_Counted(snapshot, rows_of(kept), day, limit), field))
    return LoanFacets(facets, len(rows_of(parts)))


def _parts(wanted: Expression) -> tuple[Expression, ...]:
    """Returns the parts of a filter. A test of an amount is one part with the test of its currency."""
    parts = conjuncts(wanted)
    is_amount = any(isinstance(one, Test) and isinstance(LTV_FILTER[one.field], Amount) for one in parts)
    return (wanted,) if is_amount else parts


def _by_enum(counted: _Counted, field: str) -> Facet:
    names = _enum_names(field)
    values = counted.snapshot.covers[NUMBER_COLUMNS[field]][counted.rows]
    return counted.facet(field, [(name, f"{field} = {name}") for name in names], values)


def _by_currency(counted: _Counted, field: str) -> Facet:
    snapshot = counted.snapshot
    group = snapshot.terms["currency"][snapshot.cover_terms[counted.rows]]
    names = [(code, f"{field} = {json.dumps(code)}") for code in snapshot.words.currency.texts]
    return _largest(counted.facet(field, names, group), counted.limit)


def _by_claims(counted: _Counted, field: str) -> Facet:
    """Counts each loan once for each value among its claims."""
    snapshot, column = counted.snapshot, CLAIM_COLUMNS[field]
    words = getattr(snapshot.words, column)
    rows, group = snapshot.pairs.distinct(column, are_newest_claims(snapshot, counted.rows))
    names = [(text, f"{field} = {json.dumps(text, ensure_ascii=False)}") for text in words.texts]
    return _largest(counted.facet(field, names, group, rows), counted.limit)


def _by_flags(counted: _Counted, field: str) -> Facet:
    """Counts each loan once for each of its bits."""
    bits = counted.snapshot.covers[FLAG_COLUMNS[field]][counted.rows]
    known, present = _enum_values(field), int(np.bitwise_or.reduce(bits, initial=0))
    names = [name for name in _enum_names(field) if known[name] & present]
    rows = [np.flatnonzero(bits & known[name]) for name in names]
    group = np.repeat(np.arange(len(names)), [len(found) for found in rows])
    rows_of_flags = counted.rows[np.concatenate([np.zeros(0, dtype=np.int64), *rows])]
    facet = counted.facet(field, [(name, f"{field} = {name}") for name in names], group, rows_of_flags)
    return _largest(facet, counted.limit)


def _by_deadline(counted: _Counted, field: str) -> Facet:
    values, present = (column[counted.rows] for column in values_of(counted.snapshot, field))
    group = np.searchsorted([0, 1, 4, 8], values - counted.day, side="right")
    names = [(name, _between(field, counted.day, first, last)) for name, first, last in DEADLINES]
    return counted.facet(field, [*names, ("", f"NOT {field}:*")], np.where(present, group, len(names)))


def _between(field: str, day: int, first: int | None, last: int | None) -> str:
    """Returns the filter of a range of days after a business date."""
    ends = ((">=", first), ("<=", last))
    tests = [f"{field} {sign} {date_at(day + end)}" for sign, end in ends if end is not None]
    return " AND ".join(tests)


def _by_ltv(counted: _Counted, field: str) -> Facet:
    """Counts loans by ranges that include their lower end."""
    values, present = (column[counted.rows] for column in values_of(counted.snapshot, field))
    edges = [f"{edge:.2f}" for edge in LTV_EDGES]
    group = np.maximum(np.searchsorted(LTV_EDGES, values, side="right") - 1, 0)
    names = [
        *((low, f"{field} < {high}" if low == edges[0] else f"{field} >= {low} AND {field} < {high}")
          for low, high in pairwise(edges)),
        (edges[-1], f"{field} >= {edges[-1]}"),
        ("", f"NOT {field}:*"),
    ]  # fmt: skip
    return counted.facet(field, names, np.where(present, group, len(edges)))


def _by_fall(counted: _Counted, field: str) -> Facet:
    """Counts loans by ranges that include their upper end."""
    values, present = (column[counted.rows] for column in values_of(counted.snapshot, field))
    edges = [f"{edge:.2f}" for edge in FALL_EDGES]
    group = np.minimum(np.searchsorted(FALL_EDGES, values, side="left"), len(edges) - 1)
    names = [
        (edges[0], f"{field} <= {edges[0]}"),
        *((high, f"{field} > {low} AND {field} <= {high}") for low, high in pairwise(edges)),
        ("", f"NOT {field}:*"),
    ]
    return counted.facet(field, names, np.where(present, group, len(edges)))


def _largest(facet: Facet, limit: int) -> Facet:
    """Returns the facet with the ``limit`` values of most loans; of equal numbers, the first in alphabetical order."""
    values = sorted(facet.values, key=lambda one: (-one.loans, one.value))
    return Facet(facet.field, values[:limit], max(len(values) - limit, 0))


def _enum_values(field: str) -> Mapping[str, int]:
    kind = LTV_FILTER[field]
    return {name: int(value) for name, value in kind.values.items()} if isinstance(kind, Enum) else {}


def _enum_names(field: str) -> list[str]:
    """Returns the names of an enumeration in the order of their values."""
    values = _enum_values(field)
    return sorted(values, key=values.__getitem__)


_FACETS: Mapping[str, Callable[[_Counted, str], Facet]] = {
    "level": _by_enum,
    "coverage": _by_enum,
    "currency_code": _by_currency,
    "deadline_date": _by_deadline,
    "good": _by_claims,
    "warehouse": _by_claims,
    "asset_class": _by_claims,
    "ltv": _by_ltv,
    "price_fall_to_margin_call": _by_fall,
    "unknown_reason": _by_flags,
    "quality_flag": _by_flags,
}
