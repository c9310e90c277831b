"""Builds reports on the whole book as of any commit: loans with totals and concentrations, and breaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.commands.reports.breaches import Breach, breach_histories
from collateral_registry.commands.reports.snapshots import Snapshots
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression
from collateral_registry.domain.reports.ltv_rows import in_order, wanted_rows
from collateral_registry.domain.reports.snapshot import Snapshot
from collateral_registry.domain.reports.totals import Concentration, Total, concentrations, totals
from collateral_registry.domain.shared.lru_cache import LruCache
from collateral_registry.store.engine.database import Connection
from valuation._typing import Int

CACHED_REPORTS = 16
"""Number of row orders, and of sums, that are cached for further pages."""


@dataclass(frozen=True)
class LtvReport:
    """The loans of a snapshot in report order, as rows [r] of the snapshot's judgements."""

    moment: Moment
    snapshot: Snapshot
    rows: Int


@dataclass(frozen=True)
class Sums:
    """Totals and concentrations over all rows of a report."""

    totals: Sequence[Total]
    concentrations: Sequence[Concentration]


class LtvReports:
    """Loan-to-value reports of one book. The order and the sums are cached for further pages."""

    def __init__(self) -> None:
        self._snapshots = Snapshots()
        self._orders: LruCache[tuple[object, ...], Int] = LruCache(CACHED_REPORTS)
        self._sums: LruCache[tuple[object, ...], Sums] = LruCache(CACHED_REPORTS)

    def snapshot(self, connection: Connection, moment: Moment) -> Snapshot:
        """Returns the book at a moment."""
        return self._snapshots.at(connection, moment.seq)

    def report(
        self, connection: Connection, moment: Moment, wanted: Expression = EVERYTHING, order_by: str = ""
    ) -> LtvReport:
        """Returns the loans that were open at the moment and match the filter, in order."""
        snapshot = self.snapshot(connection, moment)
        key = (moment.seq, wanted, order_by)
        rows = self._orders.get(key)
        if rows is None:
            rows = in_order(snapshot, wanted_rows(snapshot, wanted), order_by)
            self._orders.put(key, rows)
        return LtvReport(moment, snapshot, rows)

    def sums(self, report: LtvReport, wanted: Expression, limit: int) -> Sums:
        """Returns totals and concentrations over all rows, with at most ``limit`` keys per dimension and currency."""
        key = (report.moment.seq, wanted, limit)
        found = self._sums.get(key)
        if found is None:
            snapshot, rows = report.snapshot, report.rows
            found = Sums(totals(snapshot, rows), concentrations(snapshot, rows, limit))
            self._sums.put(key, found)
        return found


def breach_report(connection: Connection, moment: Moment, wanted: Expression, before: int, limit: int) -> list[Breach]:
    """Returns a page of the breaches at a moment that match the filter, newest first."""
    return breach_histories(connection, moment.seq, wanted, before, limit)
