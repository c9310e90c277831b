"""Screens quotes against the history of their series.

The history of an exchange rate is that of its pair: the rates of both directions, in the direction of the quotes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.prices.exchange_rates import DatedRates, both_directions, overlaid, series_id_of
from collateral_registry.domain.prices.quarantine import NO_QUARANTINE, Quarantine, newer_quarantine
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.store.engine.database import Write
from collateral_registry.store.prices.series import History, Latest, StoredSeries, find_series, history
from valuation._typing import Int
from valuation.prices.admission import AdmissionVerdict, RefusalReason, admit, rewritten
from valuation.prices.jumps import jump_limit


@dataclass(frozen=True)
class Quote:
    """A dated price of a series, with its index in the message and the name of the price's field."""

    index: int
    series_id: str
    day: date
    price: Decimal
    field: str = "price"


PriceRow = tuple[int, int, int, float, str]
"""Series key, day, verdict, value and decimal text of an observation to be stored."""


@dataclass
class SeriesQuotes:
    """The quotes [n] of one series with their verdicts, and its history before them.

    ``released`` are the days of quarantined quotes that are now in use. ``rewrites`` states that the quotes change the
    history before the newest price: they add a price for an earlier day, or correct one by more than a usual move.
    ``quarantined`` are the prices in quarantine after them that are at least as new as the newest price in use.
    """

    stored: StoredSeries
    before: History
    quotes: Sequence[Quote] = ()
    day: Int = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    price: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    verdict: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, dtype=np.int8))
    reason: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, dtype=np.int8))
    released: set[int] = field(default_factory=set)
    rewrites: bool = False
    quarantined: Quarantine = NO_QUARANTINE

    @property
    def moves(self) -> bool:
        """Whether the quotes add or correct a price that is in use."""
        return bool(self.released or self._are(AdmissionVerdict.ACCEPTED).any())

    @property
    def changes_quarantine(self) -> bool:
        """Whether the newer prices in quarantine are others than before."""
        return self.quarantined != self.stored.quarantined

    def added(self) -> DatedRates:
        """Returns the prices that are now in use and were not before."""
        now = self._are(AdmissionVerdict.ACCEPTED)
        was_pending = np.isin(self.before.pending_day, sorted(self.released))
        pending = self.before.pending_day[was_pending], self.before.pending_price[was_pending]
        return overlaid(pending, (self.day[now], self.price[now]))

    def accepted(self) -> DatedRates:
        """Returns the prices in use."""
        return overlaid((self.before.day, self.before.price), self.added())

    def pending(self) -> DatedRates:
        """Returns the quarantined prices."""
        held = self._are(AdmissionVerdict.QUARANTINED)
        before = self.before.pending_day, self.before.pending_price
        days, prices = overlaid(before, (self.day[held], self.price[held]))
        waiting = ~np.isin(days, self.added()[0])
        return days[waiting], prices[waiting]

    def release(self, days: Int) -> None:
        """Puts the quarantined quotes of these days in use."""
        mine = self._are(AdmissionVerdict.QUARANTINED) & np.isin(self.day, days)
        self.verdict[mine], self.reason[mine] = int(AdmissionVerdict.ACCEPTED), int(RefusalReason.NONE)
        self.released |= set(np.intersect1d(self.before.pending_day, days).tolist()) - set(self.day[mine].tolist())

    def rows(self) -> list[PriceRow]:
        """Returns the observations to be stored."""
        key, accepted = self.stored.key, int(AdmissionVerdict.ACCEPTED)
        columns = zip(self.quotes, self.day.tolist(), self.verdict.tolist(), self.price.tolist(), strict=True)
        kept = {accepted, int(AdmissionVerdict.QUARANTINED)}
        rows = [(key, day, kind, price, str(one.price)) for one, day, kind, price in columns if kind in kept]
        quoted = {row[1] for row in rows}
        before = (self.before.pending_day, self.before.pending_price, self.before.pending_text)
        pending = zip(*(column.tolist() for column in before), strict=True)
        rows += [(key, day, accepted, *one) for day, *one in pending if day in self.released - quoted]
        return rows

    def latest(self) -> Latest:
        """Returns the newest price in use and its log return."""
        days, prices = self.accepted()
        texts = {row[1]: row[4] for row in self.rows() if row[2] == int(AdmissionVerdict.ACCEPTED)}
        log_return = float(np.log(prices[-1] / prices[-2])) if len(days) > 1 else None
        text = texts.get(int(days[-1]), self.stored.latest_text)
        return Latest(int(days[-1]), float(prices[-1]), text, log_return, self.rewrites)

    def _are(self, verdict: AdmissionVerdict) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.verdict == int(verdict)
        return found


def screen_quotes(
    write: Write, known: Mapping[str, StoredSeries], quotes: Mapping[str, Sequence[Quote]]
) -> dict[str, SeriesQuotes]:
    """Returns the quotes of each known series with their verdicts, and the inverse series that they also change."""
    inverse_ids = {series_id: _inverse_id(known[series_id].series) for series_id in quotes}
    others = sorted(set(inverse_ids.values()) - {""} - set(known))
    stored = {**known, **(find_series(write.connection, others) if others else {})}
    found = {one_id: SeriesQuotes(one, history(write.connection, one.key)) for one_id, one in stored.items()}
    for series_id in sorted(quotes):  # a fixed order, so that the order of the rows in a message has no effect
        _screen(found[series_id], found.get(inverse_ids[series_id]), quotes[series_id], write.market_day)
    return found


def _inverse_id(series: PriceSeries) -> str:
    return series_id_of(series.currency, series.unit) if series.is_fx else ""


def _screen(own: SeriesQuotes, inverse: SeriesQuotes | None, quotes: Sequence[Quote], today: int) -> None:
    """Gives each quote of a series its verdict, and puts quarantined quotes in use that are now confirmed."""
    known = both_directions(own.accepted(), inverse.accepted()) if inverse else own.accepted()
    pending = both_directions(own.pending(), inverse.pending()) if inverse else own.pending()
    days = np.array([day_of(quote.day) for quote in quotes], dtype=np.int64)
    prices = np.array([float(quote.price) for quote in quotes], dtype=np.float64)
    admission = admit(*_dated(known), *_dated(pending), *_dated((days, prices)), np.datetime64(today, "D"))
    released = pending[0][admission.released]
    mine = np.isin(released, own.pending()[0])
    own.quotes, own.day, own.price = quotes, days, prices
    own.verdict, own.reason = admission.verdict, admission.reason
    _hold_contradictions(own, inverse, jump_limit(known[1]))
    own.release(released[mine])
    if inverse:
        inverse.release(released[~mine])
    added = both_directions(own.added(), inverse.added()) if inverse else own.added()
    own.rewrites = rewritten(*known, *added)
    both = [own, inverse] if inverse else [own]
    newest = max(int(days[-1]) if len(days) else NO_DAY for days, _ in (one.accepted() for one in both))
    for one in both:
        one.quarantined = newer_quarantine(*one.pending(), newest)


def _hold_contradictions(own: SeriesQuotes, inverse: SeriesQuotes | None, limit: float) -> None:
    """Quarantines accepted quotes that are a jump away from the inverse pair's rate of the same day.

    A quote that corrects an accepted one of its own series is compared with the neighbouring days only.
    """
    if inverse is None:
        return
    days, rates = inverse.accepted()
    row = np.minimum(np.searchsorted(days, own.day), max(len(days) - 1, 0))
    same_day = days[row] == own.day if len(days) else np.zeros(len(own.day), dtype=np.bool_)
    accepted = own.verdict == int(AdmissionVerdict.ACCEPTED)
    compared = np.flatnonzero(same_day & accepted & ~np.isin(own.day, own.before.day))
    apart = compared[np.abs(np.log(own.price[compared] * rates[row[compared]])) > limit]
    own.verdict[apart], own.reason[apart] = int(AdmissionVerdict.QUARANTINED), int(RefusalReason.JUMP)


def _dated(known: DatedRates) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    return known[0].astype("datetime64[D]"), known[1]
