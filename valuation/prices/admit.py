"""Admission of new prices: in use, kept aside, or refused with the reason.

A quote that moves more than max(8 MAD-sigma, 40 %) against the price before it is quarantined; three such quotes in
a row that agree with each other are a level break and come into use together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Dates = NDArray[np.datetime64]
Float = NDArray[np.float64]

JUMP_SHARE = 0.40
"""Log move that is always looked at: a unit error or a typing error is larger, a real day hardly ever."""

JUMP_SIGMAS = 8.0
"""Robust standard deviations that are looked at."""

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation of a normal law."""

RETURNS_FOR_SIGMA = 20
RETURNS_LOOKED_AT = 250
QUOTES_OF_A_BREAK = 3


class Verdict(IntEnum):
    """What becomes of a quote; the numbers are stored."""

    ACCEPTED = 0
    DUPLICATE = 1
    QUARANTINED = 2
    REFUSED = 3


class RefusalReason(IntEnum):
    """Why a quote is not in use."""

    NONE = 0
    NOT_FINITE = 1
    NOT_POSITIVE = 2
    FUTURE_DATE = 3
    JUMP = 4
    CONFLICTING_DUPLICATE = 5


@dataclass(frozen=True)
class Admission:
    """Verdict and reason of each new quote [n], and which pending quotes [p] are now in use."""

    verdict: NDArray[np.int8]
    reason: NDArray[np.int8]
    released: NDArray[np.bool_]
    level_break: bool


def admit(
    known_dates: Dates,
    known_prices: Float,
    pending_dates: Dates,
    pending_prices: Float,
    new_dates: Dates,
    new_prices: Float,
    today: np.datetime64,
) -> Admission:
    """Judges new quotes of one series against the accepted ones, both in order of dates where known.

    A quote equal to the accepted one of its date is a duplicate; another price for such a date is a correction and
    must pass the jump rule like any other.
    """
    reason = _refusals(new_dates, new_prices, today)
    verdict = np.where(reason == 0, int(Verdict.ACCEPTED), int(Verdict.REFUSED)).astype(np.int8)
    place = np.searchsorted(known_dates, new_dates)
    same = np.zeros(len(new_dates), dtype=np.bool_)
    inside = place < len(known_dates)
    same[inside] = (known_dates[place[inside]] == new_dates[inside]) & (
        known_prices[place[inside]] == new_prices[inside]
    )
    repeated = _repeated(new_dates, new_prices)
    verdict[(same | repeated) & (reason == 0)] = int(Verdict.DUPLICATE)
    released = np.zeros(len(pending_dates), dtype=np.bool_)
    walked = np.flatnonzero(verdict == int(Verdict.ACCEPTED))
    walked = walked[np.argsort(new_dates[walked], kind="stable")]
    limit = jump_limit(known_prices)
    if not _any_jump(known_dates, known_prices, new_dates[walked], new_prices[walked], limit):
        return Admission(verdict, reason.astype(np.int8), released, level_break=False)
    walk = _Walk(known_dates, known_prices, pending_dates, pending_prices, limit)
    for row in walked:
        walk.take(int(row), new_dates[row], float(new_prices[row]))
    held = [row for row, _, _ in walk.held if row >= 0]
    verdict[held], reason[held] = int(Verdict.QUARANTINED), int(RefusalReason.JUMP)
    released[walk.released] = True
    return Admission(verdict, reason.astype(np.int8), released, walk.broke)


def jump_limit(known_prices: Float) -> float:
    """The log move beyond which a quote is kept aside."""
    returns = np.diff(np.log(known_prices[-RETURNS_LOOKED_AT - 1 :]))
    if len(returns) < RETURNS_FOR_SIGMA:
        return JUMP_SHARE
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(returns - np.median(returns))))
    return max(JUMP_SIGMAS * sigma, JUMP_SHARE)


def _refusals(dates: Dates, prices: Float, today: np.datetime64) -> NDArray[np.int64]:
    reason = np.zeros(len(dates), dtype=np.int64)
    reason[dates > today] = int(RefusalReason.FUTURE_DATE)
    with np.errstate(invalid="ignore"):
        reason[prices <= 0] = int(RefusalReason.NOT_POSITIVE)
    reason[~np.isfinite(prices)] = int(RefusalReason.NOT_FINITE)
    order = np.argsort(dates, kind="stable")
    twice = np.flatnonzero((np.diff(dates[order]) == np.timedelta64(0, "D")) & (np.diff(prices[order]) != 0))
    clash = np.isin(dates, dates[order[twice]])
    reason[clash & (reason == 0)] = int(RefusalReason.CONFLICTING_DUPLICATE)
    return reason


def _repeated(dates: Dates, prices: Float) -> NDArray[np.bool_]:
    """True for the second and later of equal quotes in one batch."""
    seen: set[tuple[int, float]] = set()
    repeated = np.zeros(len(dates), dtype=np.bool_)
    for row, quote in enumerate(zip(dates.astype(np.int64).tolist(), prices.tolist(), strict=True)):
        repeated[row] = quote in seen
        seen.add(quote)
    return repeated


def _any_jump(known_dates: Dates, known_prices: Float, dates: Dates, prices: Float, limit: float) -> bool:
    """Whether any quote, merged in order of dates, moves beyond the limit."""
    kept = ~np.isin(known_dates, dates)
    all_dates = np.concatenate([known_dates[kept], dates])
    order = np.argsort(all_dates, kind="stable")
    logs = np.log(np.concatenate([known_prices[kept], prices])[order])
    is_new = np.concatenate([np.zeros(kept.sum(), dtype=np.bool_), np.ones(len(dates), dtype=np.bool_)])[order]
    move = np.abs(np.diff(logs)) > limit
    return bool((move & (is_new[1:] | is_new[:-1])).any())


class _Walk:
    """Takes quotes in order of dates, remembering those kept aside until they confirm each other."""

    def __init__(self, dates: Dates, prices: Float, pending_dates: Dates, pending_prices: Float, limit: float) -> None:
        self.dates, self.prices, self.limit = dates, prices, limit
        quotes = zip(range(len(pending_dates)), pending_dates, pending_prices.tolist(), strict=True)
        self.held = [(-1 - row, date, price) for row, date, price in quotes]
        self.released: list[int] = []
        self.last: tuple[np.datetime64, float] | None = None
        self.broke = False

    def take(self, row: int, date: np.datetime64, price: float) -> None:
        """Accepts the quote, keeps it aside, or lets a run of agreeing quotes through."""
        before = self._price_before(date)
        if before is None or abs(np.log(price / before)) <= self.limit:
            self.last = (date, price)
            return
        run = self._agreeing_run(price) if not self._returns_soon(date, price) else []
        self.held.append((row, date, price))
        if len(run) + 1 < QUOTES_OF_A_BREAK:
            return
        self.broke = True
        self.released += [-1 - held[0] for held in run if held[0] < 0]
        self.held = [held for held in self.held if held not in run and held[0] != row]
        self.last = (date, price)

    def _price_before(self, date: np.datetime64) -> float | None:
        place = int(np.searchsorted(self.dates, date))
        known = (self.dates[place - 1], float(self.prices[place - 1])) if place else None
        candidates = [quote for quote in (known, self.last) if quote is not None and quote[0] < date]
        return max(candidates, key=lambda quote: quote[0])[1] if candidates else None

    def _agreeing_run(self, price: float) -> list[tuple[int, np.datetime64, float]]:
        """The quotes last kept aside that agree with each other and with the price."""
        run: list[tuple[int, np.datetime64, float]] = []
        for held in reversed(self.held):
            if abs(np.log(price / held[2])) > self.limit:
                break
            run.append(held)
            price = held[2]
        return run

    def _returns_soon(self, date: np.datetime64, price: float) -> bool:
        """Whether an accepted price of a later date speaks against the quote."""
        place = int(np.searchsorted(self.dates, date, side="right"))
        return place < len(self.dates) and abs(np.log(float(self.prices[place]) / price)) > self.limit
