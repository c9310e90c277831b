"""Returns loans and the book by business day, each day as it was known at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.domain.loans.collateral import owed_of
from collateral_registry.domain.reports.history import (
    SUMS,
    Collateral,
    LevelTotal,
    book_collateral,
    book_levels,
    current,
)
from collateral_registry.domain.reports.ltv_rows import ltv_of
from collateral_registry.domain.shared.errors import NotFound
from collateral_registry.domain.shared.lru_cache import LruCache
from collateral_registry.store.assets.repository import places_since
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.commits import ClosedDay, days_before
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.history import (
    claims_of_commits,
    closings,
    judgements_at_moments,
    loan_count,
    loans_with_closings,
    ltvs_at_moments,
    pledge_count,
)
from collateral_registry.store.loans.judgements import judgements_since
from collateral_registry.store.loans.repository import find_loans
from collateral_registry.store.revaluation.row_versions import NEVER

T = TypeVar("T")

KEPT_DAYS = 1_000
"""Number of days of the book that are kept for further requests."""

JUDGED = ("loan_key", "seq", "level", "coverage_unknown", *SUMS)
"""Columns of a judgement that the history of the book is computed from."""

ROWS_AT_ONCE = 250_000
"""Days are computed together up to this number of loans, or of pledges, times days, which bounds the memory."""


@dataclass(frozen=True)
class Span:
    """A page of business days: at most ``limit`` from ``first_day`` on and before ``before_day``, as of a moment."""

    moment: Moment
    first_day: int
    before_day: int
    limit: int

    def days(self, connection: Connection) -> list[ClosedDay]:
        """Returns the days with their last commits, newest first."""
        # Days after that of the moment are of a business date that was repaired.
        before = min(self.before_day, self.moment.market_day + 1)
        return days_before(connection, self.moment.seq, self.first_day, before, self.limit)


Judgements = Mapping[int, Mapping[str, Any]]
"""The judgement of a loan at the end of each day, as a row by the commit of the day; none before its first one.

``ltv`` is infinite for a debt without collateral, and ``owed`` is what it divides.
"""


def loan_days(connection: Connection, loan_ids: Sequence[str], days: Sequence[ClosedDay]) -> dict[str, Judgements]:
    """Returns the judgements of loans at the end of days, by loan; raises NotFound for an unknown loan.

    A loan has none after it was closed.
    """
    return _judged_days(connection, loan_ids, days, judgements_at_moments)


def ltv_days(connection: Connection, loan_ids: Sequence[str], days: Sequence[ClosedDay]) -> dict[str, Judgements]:
    """Does the same, but the judgements have only the columns that LTV, level and coverage need."""
    return _judged_days(connection, loan_ids, days, ltvs_at_moments)


def _judged_days(
    connection: Connection,
    loan_ids: Sequence[str],
    days: Sequence[ClosedDay],
    read: Callable[[Connection, Sequence[int], Sequence[int]], Columns],
) -> dict[str, Judgements]:
    loans = find_loans(connection, loan_ids)
    for loan_id in loan_ids:
        if loan_id not in loans:
            raise NotFound(f"loans/{loan_id}")
    keys = [loan.key for loan in loans.values()]
    closed = closings(connection, keys)
    found = read(connection, keys, [day.seq for day in days])
    columns = {**found, "ltv": ltv_of(found), "owed": owed_of(found)}
    by_key: dict[int, dict[int, dict[str, Any]]] = {key: {} for key in keys}
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        row = dict(zip(columns, values, strict=True))
        if row["moment"] < closed.get(row["loan_key"], row["moment"] + 1):
            by_key[row["loan_key"]][row["moment"]] = row
    return {loan_id: by_key[loan.key] for loan_id, loan in loans.items()}


class BookHistories:
    """The history of one book. A day is computed once, because the book at the end of a commit never changes."""

    def __init__(self) -> None:
        self._levels: LruCache[int, Sequence[LevelTotal]] = LruCache(KEPT_DAYS)
        self._collateral: LruCache[int, Collateral] = LruCache(KEPT_DAYS)

    def levels(self, connection: Connection, days: Sequence[ClosedDay]) -> list[Sequence[LevelTotal]]:
        """Returns the loans by level at the end of each of the days, in their order."""
        return _each_day(self._levels, days, connection, _levels, loan_count)

    def collateral(self, connection: Connection, days: Sequence[ClosedDay]) -> list[Collateral]:
        """Returns the claims by class and good at the end of each of the days, in their order."""
        return _each_day(self._collateral, days, connection, _collateral, pledge_count)


def _each_day(
    kept: LruCache[int, T],
    days: Sequence[ClosedDay],
    connection: Connection,
    compute: Callable[[Connection, Sequence[int]], Sequence[T]],
    rows_of_day: Callable[[Connection], int],
) -> list[T]:
    """Returns what is kept of each day; computes the other days, as many together as memory allows, and keeps them."""
    found = {day.seq: one for day in days if (one := kept.get(day.seq)) is not None}
    missing = sorted({day.seq for day in days} - found.keys())
    step = max(1, ROWS_AT_ONCE // (rows_of_day(connection) + 1)) if missing else 1
    for first in range(0, len(missing), step):
        seqs = missing[first : first + step]
        for seq, one in zip(seqs, compute(connection, seqs), strict=True):
            found[seq] = one
            kept.put(seq, one)
    return [found[day.seq] for day in days]


def _levels(connection: Connection, seqs: Sequence[int]) -> list[list[LevelTotal]]:
    return book_levels(seqs, loans_with_closings(connection), _judged(connection, seqs))


def _collateral(connection: Connection, seqs: Sequence[int]) -> list[Collateral]:
    judged = _judged(connection, seqs)
    claims = claims_of_commits(connection, np.unique(judged["seq"]))
    assets = _by_day(seqs, lambda after, seq: places_since(connection, after, seq))
    return book_collateral(seqs, loans_with_closings(connection), judged, claims, assets)


def _judged(connection: Connection, seqs: Sequence[int]) -> Columns:
    return dict(current(_by_day(seqs, lambda after, seq: judgements_since(connection, after, seq, *JUDGED))))


def _by_day(seqs: Sequence[int], read: Callable[[int, int], Columns]) -> Columns:
    """Returns what came on each day with the number of the day; on the first day, all that had come by its end."""
    parts = [read(after, seq) for after, seq in zip([NEVER, *seqs[:-1]], seqs, strict=True)]
    days = np.repeat(np.arange(len(seqs)), [len(next(iter(part.values()))) for part in parts])
    return {**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, "day": days}
