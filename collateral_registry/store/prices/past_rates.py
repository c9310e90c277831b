"""Reads exchange rates as they were known by a commit."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, bindparam, select

from collateral_registry.domain.prices.exchange_rates import QuotedRate
from collateral_registry.domain.prices.quarantine import newer_quarantine
from collateral_registry.store.schema.prices import PriceRow, PriceSeriesRow
from valuation.prices.admission import AdmissionVerdict


def quoted_rates_by(connection: Connection, seq: int) -> dict[tuple[str, str], QuotedRate]:
    """Returns the newest exchange rate of every quoted pair (base, quote), as known by a commit.

    The rates have no ``history_seq``, which only haircut curves need.
    """
    rows = connection.execute(_NEWEST_QUOTES, {"by_seq": seq}).all()
    found = {}
    for (base, quote), of_pair in groupby(rows, lambda row: (row.unit, row.currency)):
        found[base, quote] = _rate(list(of_pair))
    return found


def _rate(rows: list[Row[Any]]) -> QuotedRate:
    """Returns the rate of a series from its observations since the day of its newest accepted one, in date order."""
    last_of_day = {row.day: row for row in rows}
    accepted = [row for row in rows if row.verdict == AdmissionVerdict.ACCEPTED]
    pending = [row for row in last_of_day.values() if row.verdict == AdmissionVerdict.QUARANTINED]
    newest = accepted[-1]
    days, prices = np.array([row.day for row in pending]), np.array([row.value for row in pending])
    quarantine = newer_quarantine(days, prices, newest.day)
    if quarantine.low is None or quarantine.high is None:
        return QuotedRate(newest.series_key, newest.value, newest.day, 0)
    return QuotedRate(newest.series_key, newest.value, newest.day, 0, quarantine.low, quarantine.high, quarantine.day)


_ACCEPTED = PriceRow.__table__.alias("accepted")
_NEWEST_DAY = (
    select(_ACCEPTED.c.day)
    .where(
        _ACCEPTED.c.series_key == PriceSeriesRow.series_key,
        _ACCEPTED.c.verdict == int(AdmissionVerdict.ACCEPTED),
        _ACCEPTED.c.seq <= bindparam("by_seq"),
    )
    .order_by(_ACCEPTED.c.day.desc())
    .limit(1)
    .correlate(PriceSeriesRow)
    .scalar_subquery()
)
_NEWEST_QUOTES = (
    select(PriceSeriesRow.unit, PriceSeriesRow.currency, PriceRow.__table__)
    .join(PriceRow, PriceRow.series_key == PriceSeriesRow.series_key)
    .where(PriceSeriesRow.is_fx == 1, PriceRow.seq <= bindparam("by_seq"), PriceRow.day >= _NEWEST_DAY)
    .order_by(PriceSeriesRow.series_key, PriceRow.day, PriceRow.seq)
)
