"""Builds reports on the whole book as of any commit: loans with totals, facets and distributions, and breaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.commands.reports.breaches import Breach, breach_histories
from collateral_registry.commands.reports.snapshots import Snapshots
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression
from collateral_registry.domain.reports.distributions import Distribution, distribution
from collateral_registry.domain.reports.facets import LoanFacets, loan_facets
from collateral_registry.domain.reports.ltv_rows import wanted_rows
from collateral_registry.domain.reports.orders import in_order
from collateral_registry.domain.reports.reporting_currency import ReportingRates
from collateral_registry.domain.reports.snapshot import Snapshot
from collateral_registry.domain.reports.totals import (
    Concentration,
    Dimension,
    Total,
    concentrations,
    most_used_currency,
    totals,
)
from collateral_registry.domain.shared.lru_cache import LruCache
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.breaches import BreachOrder, Position
from valuation._typing import Int

CACHED_REPORTS = 16
"""Number of row orders, of sums and of distributions that are cached for further calls."""

CACHED_FACETS = 128
"""Number of fields whose counts are cached."""


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
        self._totals: LruCache[tuple[object, ...], Sequence[Total]] = LruCache(CACHED_REPORTS)
        self._facets: LruCache[tuple[object, ...], LoanFacets] = LruCache(CACHED_FACETS)
        self._distributions: LruCache[tuple[object, ...], Sequence[Distribution]] = LruCache(CACHED_REPORTS)

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

    def follow(self, connection: Connection, moment: Moment) -> None:
        """Brings the newest snapshot to a commit, so that a call that reads it finds it up to date."""
        self._snapshots.newest(connection, moment.seq)

    def totals(self, report: LtvReport, wanted: Expression) -> Sequence[Total]:
        """Returns the totals over all rows, without concentrations."""
        key = (report.moment.seq, wanted)
        found = self._totals.get(key)
        if found is None:
            found = totals(report.snapshot, report.rows)
            self._totals.put(key, found)
        return found

    def sums(self, report: LtvReport, wanted: Expression, limit: int) -> Sums:
        """Returns totals and concentrations over all rows, with at most ``limit`` keys per dimension and currency."""
        key = (report.moment.seq, wanted, limit)
        found = self._sums.get(key)
        if found is None:
            snapshot, rows = report.snapshot, report.rows
            found = Sums(self.totals(report, wanted), concentrations(snapshot, rows, limit))
            self._sums.put(key, found)
        return found

    def facets(
        self, connection: Connection, moment: Moment, wanted: Expression, fields: Sequence[str], limit: int
    ) -> LoanFacets:
        """Returns the counts of loans by some fields under a filter, with at most ``limit`` values of a field.

        The counts by each field are cached on their own, because pages need different fields.
        """
        key = (moment.seq, wanted, limit)
        missing = tuple(field for field in fields if self._facets.get((*key, field)) is None)
        if missing:
            snapshot = self._snapshots.at(connection, moment.seq)
            counted = loan_facets(snapshot, wanted, missing, moment.market_day, limit)
            for facet in counted.facets:
                self._facets.put((*key, facet.field), LoanFacets([facet], counted.loans))
        found = [self._facets.get((*key, field)) for field in fields]
        kept = [one for one in found if one is not None]
        if len(kept) < len(fields):  # so many calls came in between that a facet is cached no more
            return loan_facets(self._snapshots.at(connection, moment.seq), wanted, fields, moment.market_day, limit)
        return LoanFacets([facet for one in kept for facet in one.facets], kept[0].loans)

    def usual_currency(self, connection: Connection, moment: Moment) -> str:
        """Returns the currency of most loans of the whole book; empty without loans."""
        snapshot = self._snapshots.at(connection, moment.seq)
        return most_used_currency(snapshot, wanted_rows(snapshot, EVERYTHING))

    def distributions(
        self, report: LtvReport, wanted: Expression, dimensions: Sequence[Dimension], rates: ReportingRates, limit: int
    ) -> Sequence[Distribution]:
        """Returns the distribution over each dimension, with at most ``limit`` listed keys."""
        key = (report.moment.seq, wanted, rates.currency, dimensions, limit)
        found = self._distributions.get(key)
        if found is None:
            found = [distribution(report.snapshot, report.rows, one, rates, limit) for one in dimensions]
            self._distributions.put(key, found)
        return found


def breach_report(
    connection: Connection, moment: Moment, wanted: Expression, order: BreachOrder, after: Position, limit: int
) -> list[Breach]:
    """Returns a page of the breaches at a moment that match the filter, in an order."""
    return breach_histories(connection, moment.seq, wanted, order, after, limit)
