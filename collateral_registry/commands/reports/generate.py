"""Reports on the whole book as of any commit: a row per loan, totals, concentrations; breaches with their stories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from collateral_registry.commands.reports.breaches import Breach, breach_histories
from collateral_registry.commands.reports.snapshots import Snapshots
from collateral_registry.domain.reports.ltv_rows import in_order, wanted_rows
from collateral_registry.domain.reports.snapshot import Snapshot
from collateral_registry.domain.reports.totals import Concentration, Total, concentrations, totals
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.lru_cache import LruCache
from collateral_registry.store.engine.commits import (
    last_commit_known_by,
    last_commit_of_day,
    market_day_of,
    newest_commit,
)
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.engine.filters import Condition
from collateral_registry.store.loans.breaches import BreachesWanted
from valuation._typing import Int
from valuation.errors import InvalidInput

BREACH_FILTERS = ("state", "level", "borrower")

KEPT_REPORTS_LIMIT = 16
"""Orders and sums kept for the next page or the next caller: some 1 MB each for a hundred thousand loans."""


@dataclass(frozen=True)
class Moment:
    """The commit a report is of, and its business day."""

    seq: int
    market_day: int


@dataclass(frozen=True)
class LtvReport:
    """Loans of a snapshot in the order asked for: rows [r] of its judgements."""

    moment: Moment
    snapshot: Snapshot
    rows: Int


@dataclass(frozen=True)
class Sums:
    """Totals and concentrations over every row of a report."""

    totals: Sequence[Total]
    concentrations: Sequence[Concentration]


class LtvReports:
    """Loan-to-value reports of one book; what a page costs is kept for the pages after it."""

    def __init__(self) -> None:
        """Nothing has been asked for yet."""
        self._snapshots = Snapshots()
        self._orders: LruCache[tuple[object, ...], Int] = LruCache(KEPT_REPORTS_LIMIT)
        self._sums: LruCache[tuple[object, ...], Sums] = LruCache(KEPT_REPORTS_LIMIT)

    def report(
        self, connection: Connection, moment: Moment, wanted: Sequence[Condition] = (), order_by: str = ""
    ) -> LtvReport:
        """Every loan running at the moment that the filter lets through, in order."""
        snapshot = self._snapshots.at(connection, moment.seq)
        key = (moment.seq, tuple(wanted), order_by)
        rows = self._orders.get(key)
        if rows is None:
            shown = wanted_rows(snapshot, [(condition.field, condition.value) for condition in wanted])
            rows = in_order(snapshot, shown, order_by)
            self._orders.put(key, rows)
        return LtvReport(moment, snapshot, rows)

    def sums(self, report: LtvReport, wanted: Sequence[Condition], limit: int) -> Sums:
        """Totals and concentrations over all rows of a report, ``limit`` keys of each dimension and currency."""
        key = (report.moment.seq, tuple(wanted), limit)
        found = self._sums.get(key)
        if found is None:
            snapshot, rows = report.snapshot, report.rows
            found = Sums(totals(snapshot, rows), concentrations(snapshot, rows, limit))
            self._sums.put(key, found)
        return found


def moment_of(
    connection: Connection, seq: int | None = None, known_us: int | None = None, day: date | None = None
) -> Moment:
    """The moment asked for: a commit, a time, the end of a business date, or now."""
    newest, _ = newest_commit(connection)
    chosen = newest
    if seq is not None:
        if not 0 <= seq <= newest:
            raise InvalidInput("as_of.sequence", seq, f"0 to {newest}, the newest commit")
        chosen = seq
    elif known_us is not None:
        chosen = last_commit_known_by(connection, known_us)
    elif day is not None:
        chosen = last_commit_of_day(connection, day_of(day))
    return Moment(chosen, market_day_of(connection, chosen))


def breach_report(
    connection: Connection, moment: Moment, wanted: Sequence[Condition], before: int, limit: int, loan_id: str = ""
) -> list[Breach]:
    """A page of the breaches up to the moment that the filter lets through, newest first, from an event back."""
    for condition in wanted:
        if condition.field not in BREACH_FILTERS:
            raise InvalidInput("filter", repr(condition.field[:40]), "one of " + ", ".join(BREACH_FILTERS))
    asked = BreachesWanted(loan_id, tuple((condition.field, condition.value) for condition in wanted))
    return breach_histories(connection, moment.seq, asked, before, limit)
