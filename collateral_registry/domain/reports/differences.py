"""Differences between two moments of the book: the loans that differ, the order of rows, and totals by currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.filters.columns import matching_rows
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Enum, FieldType, Id, Text, enum
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.reports.ltv_rows import open_rows
from collateral_registry.domain.reports.snapshot import Snapshot
from collateral_registry.domain.reports.totals import sums_by
from collateral_registry.domain.valuations.value_steps import Step
from valuation._typing import Int

AMOUNTS = ("exposure_minor", "market_minor", "lendable_minor")
"""Columns of a judgement whose changes are divided into steps, in the order of the last axis of the changes."""

COMPARED = (*AMOUNTS, "level", "coverage_unknown")
"""Columns of a judgement. A loan differs if one of them does."""

_CARRIED = (*COMPARED, "unknown_assets")


class LoanChange(IntEnum):
    """What became of a loan between the moments; the numeric values are sent."""

    UNCHANGED = 0
    CHANGED = 1
    REGISTERED = 2
    CLOSED = 3


class StepNote(IntFlag):
    """What limits the meaning of a step's change, as bits."""

    MODEL_AS_A_WHOLE = 1 << 1
    MORE_UNKNOWN = 1 << 2
    FEWER_UNKNOWN = 1 << 3
    NOT_RECOMPUTED = 1 << 4


_COVERAGE = Enum({"KNOWN": 0, "UNKNOWN": 1}, "COVERAGE_")

DIFFERENCE_FILTER: Mapping[str, FieldType] = {
    "loan": Id("loans"),
    "borrower": Text(),
    "currency_code": Text(),
    "change": Enum({one.name: int(one) for one in LoanChange if one}, "LOAN_CHANGE_"),
    "level": enum(Level, "LTV_LEVEL_", ordered=True),
    "coverage": _COVERAGE,
    "level_before": enum(Level, "LTV_LEVEL_", ordered=True),
    "coverage_before": _COVERAGE,
}
"""Fields by which the loans of a difference report can be filtered."""

_COLUMN_OF = {
    "loan": "loan_id",
    "borrower": "borrower",
    "currency_code": "currency",
    "change": "change",
    "level": "level",
    "coverage": "coverage_unknown",
    "level_before": "before_level",
    "coverage_before": "before_coverage_unknown",
}


@dataclass(frozen=True)
class Compared:
    """Loans [l] that are open at one of two moments, in key order.

    ``columns`` are names, the change, and columns of the judgements of both moments (those of the first with the prefix
    ``before_``). They are 0 at a moment at which the loan is not open. ``before_row`` and ``after_row`` are the rows of
    the judgements in the snapshots, -1 without one.
    """

    loan_key: Int
    columns: Mapping[str, NDArray[Any]]
    before_row: Int
    after_row: Int

    def of(self, chosen: NDArray[Any]) -> Compared:
        """Returns the chosen loans."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return Compared(self.loan_key[chosen], columns, self.before_row[chosen], self.after_row[chosen])

    @property
    def whole_changes(self) -> Int:
        """The whole change of AMOUNTS of each loan [l, 3]."""
        return np.stack([self.columns[name] - self.columns[f"before_{name}"] for name in AMOUNTS], axis=1)


@dataclass(frozen=True)
class Divided:
    """The changes of AMOUNTS by step [l, 7, 3] of loans, and the bits of StepNote of each step [l, 7]."""

    changes: Int
    notes: Int

    @classmethod
    def nothing(cls, loans: int) -> Divided:
        """Returns steps that change nothing."""
        shape = (loans, len(Step))
        return cls(np.zeros((*shape, len(AMOUNTS)), dtype=np.int64), np.zeros(shape, dtype=np.int64))


def compared(first: Snapshot, last: Snapshot) -> Compared:
    """Returns the loans that are open at one of two moments of a book, whose snapshots share their words."""
    rows = [open_rows(one) for one in (first, last)]
    keys = [one.covers["loan_key"][mine] for one, mine in zip((first, last), rows, strict=True)]
    loans = np.union1d(*keys)
    places = [_placed(loans, own, mine) for own, mine in zip(keys, rows, strict=True)]
    columns: dict[str, NDArray[Any]] = {}
    for prefix, snapshot, place in (("before_", first, places[0]), ("", last, places[1])):
        for name in _CARRIED:
            # A loan without a judgement has the row -1, which is that of the appended 0.
            columns[f"{prefix}{name}"] = np.append(snapshot.covers[name], 0)[place]
    opened, closed = places[0] < 0, places[1] < 0
    differs = np.logical_or.reduce([columns[name] != columns[f"before_{name}"] for name in COMPARED])
    change = np.where(differs, int(LoanChange.CHANGED), int(LoanChange.UNCHANGED))
    change = np.where(opened, int(LoanChange.REGISTERED), np.where(closed, int(LoanChange.CLOSED), change))
    return Compared(loans, columns | _names(first, last, places) | {"change": change}, places[0], places[1])


def _placed(loans: Int, keys: Int, rows: Int) -> Int:
    """Returns the row in a snapshot of each loan [l]; -1 for loans that are not among the keys."""
    found = np.full(len(loans), -1, dtype=np.int64)
    found[np.searchsorted(loans, keys)] = rows
    return found


def _names(first: Snapshot, last: Snapshot, places: Sequence[Int]) -> dict[str, NDArray[Any]]:
    """Returns id, borrower and currency of each loan, as of the later of the moments at which it is open."""
    found: dict[str, NDArray[Any]] = {}
    for name in ("loan_id", "borrower", "currency"):
        texts = np.array([*getattr(last.words, name).texts, ""], dtype=object)
        then, now = (
            one.terms[name][one.cover_terms[np.maximum(place, 0)]] if len(one.cover_terms) else np.zeros_like(place)
            for one, place in zip((first, last), places, strict=True)
        )
        found[name] = texts[np.where(places[1] >= 0, now, then)]
    return found


def wanted_loans(loans: Compared, wanted: Expression) -> Compared:
    """Returns the loans that match a filter on DIFFERENCE_FILTER."""
    return loans.of(matching_rows(loans.columns, _COLUMN_OF, wanted, len(loans.loan_key)))


def changed_in_order(loans: Compared) -> Int:
    """Returns the rows [r] of the loans that differ, those first that a lender must see first.

    These are the loans whose level worsens most, then those that lose their known coverage, then the worst level, then
    the largest fall of the lendable value as a share of it.
    """
    of = loans.columns
    rows = np.flatnonzero(of["change"] != int(LoanChange.UNCHANGED))
    before, after = of["before_lendable_minor"][rows], of["lendable_minor"][rows]
    fall = (before - after) / np.maximum(before, 1)
    worse, lost = (of[name][rows] - of[f"before_{name}"][rows] for name in ("level", "coverage_unknown"))
    order = np.lexsort((of["loan_id"][rows].astype(str), -fall, -of["level"][rows], -lost, -worse))
    found: Int = rows[order].astype(np.int64)
    return found


@dataclass(frozen=True)
class DifferenceTotal:
    """Sums over the loans of one currency in minor units: AMOUNTS at both moments, and their changes by step [7, 3]."""

    currency: str
    loans: int
    changed: int
    registered: int
    closed: int
    worse: int
    better: int
    before: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    changes: Int = field(default_factory=lambda: Divided.nothing(1).changes[0])


def difference_totals(loans: Compared, rows: Int, divided: Divided) -> list[DifferenceTotal]:
    """Returns one total per currency over all loans, changed or not, in alphabetical order.

    ``divided`` are the changes of the loans in ``rows``.
    """
    codes, group = np.unique(loans.columns["currency"].astype(str), return_inverse=True)
    count, of = len(codes), loans.columns
    changes = np.zeros((count, len(Step), len(AMOUNTS)), dtype=np.int64)
    for place in np.ndindex(changes.shape[1:]):
        changes[(slice(None), *place)] = _signed_sums(divided.changes[(slice(None), *place)], group[rows], count)
    sums = {name: sums_by(of[name], group, count) for one in AMOUNTS for name in (one, f"before_{one}")}
    worse = of["level"] - of["before_level"]
    counts = {
        "loans": np.ones(len(group), dtype=np.bool_),
        **{one.name.lower(): of["change"] == int(one) for one in LoanChange if one},
        "worse": worse > 0,
        "better": worse < 0,
    }
    counted = {name: np.bincount(group[chosen], minlength=count) for name, chosen in counts.items()}
    return [
        DifferenceTotal(
            currency=str(code),
            **{name: int(numbers[n]) for name, numbers in counted.items()},
            before={name: int(sums[f"before_{name}"][n]) for name in AMOUNTS},
            after={name: int(sums[name][n]) for name in AMOUNTS},
            changes=changes[n],
        )
        for n, code in enumerate(codes)
    ]


def _signed_sums(amounts: Int, group: Int, count: int) -> Int:
    """Returns the exact sums [count] of amounts [n] of either sign by group [n]."""
    return sums_by(np.maximum(amounts, 0), group, count) - sums_by(np.maximum(-amounts, 0), group, count)
