"""Admission of new quotes: each is accepted, quarantined, or refused with a reason.

A quote that jumps away from its neighbours is quarantined. Three consecutive quarantined quotes that agree with each
other are a level break and are accepted together (valuation/prices/jumps.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Bool, Dates, Float, Int
from valuation.errors import InvalidInput
from valuation.prices.jumps import SIGMA_WINDOW, Quotes, jump_limit, screen
from valuation.prices.regime_breaks import usual_sigma


class AdmissionVerdict(IntEnum):
    """Outcome for a quote; the numeric values are stored."""

    ACCEPTED = 0
    DUPLICATE = 1
    QUARANTINED = 2
    REFUSED = 3


class RefusalReason(IntEnum):
    """Reason why a quote is not in use."""

    NONE = 0
    NOT_FINITE = 1
    NOT_POSITIVE = 2
    FUTURE_DATE = 3
    JUMP = 4
    CONFLICTING_DUPLICATE = 5


@dataclass(frozen=True)
class Admission:
    """Verdict and reason of each new quote [n], and which quarantined quotes [p] are now in use."""

    verdict: NDArray[np.int8]
    reason: NDArray[np.int8]
    released: Bool
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
    """Judges new quotes [n] of one series against its accepted quotes [k] and its quarantined quotes [p].

    ``known`` (accepted) and ``pending`` (quarantined) hold positive prices in date order, one for each date.

    - A quote equal to the accepted quote of its date, or to an earlier quote in the same message, is a DUPLICATE.
    - A different price for an accepted date is a correction. It is accepted if it passes the jump rule against the
      neighbours on other dates.
    - Different prices for one date in the same message are all refused.
    - A quote that repeats a quarantined one stays quarantined: repeating an error does not confirm it.
    - A quote that repeats the accepted quote of a date is ACCEPTED if another quote of that date is quarantined,
      because it replaces that quote.

    Raises InvalidInput where dates and prices differ in length or a date is NaT.
    """
    _check(known=(known_dates, known_prices), pending=(pending_dates, pending_prices), new=(new_dates, new_prices))
    days = _days(new_dates)
    reason = _refusals(days, new_prices, _days(np.asarray(today)))
    usable = np.flatnonzero(reason == int(RefusalReason.NONE))
    distinct, first, repeat = np.unique(days[usable], return_index=True, return_inverse=True)
    prices = new_prices[usable[first]]
    is_known = _is_among(distinct, prices, _days(known_dates), known_prices)
    known, pending = _quotes(known_dates, known_prices), _quotes(pending_dates, pending_prices)
    fresh = Quotes(distinct[~is_known], np.log(prices[~is_known]))
    screened = screen(known, pending, fresh, jump_limit(known_prices))
    verdict_of_day = np.full(len(distinct), int(AdmissionVerdict.DUPLICATE), dtype=np.int8)
    verdict_of_day[~is_known] = np.where(
        screened.held, int(AdmissionVerdict.QUARANTINED), int(AdmissionVerdict.ACCEPTED)
    )
    verdict_of_day[is_known & np.isin(distinct, _days(pending_dates))] = int(AdmissionVerdict.ACCEPTED)
    verdict = np.full(len(days), int(AdmissionVerdict.REFUSED), dtype=np.int8)
    verdict[usable] = verdict_of_day[repeat]
    verdict[np.delete(usable, first)] = int(AdmissionVerdict.DUPLICATE)
    reason[verdict == int(AdmissionVerdict.QUARANTINED)] = int(RefusalReason.JUMP)
    return Admission(verdict, reason, screened.released, screened.level_break)


def rewritten(known_days: Int, known_prices: Float, new_days: Int, new_prices: Float) -> bool:
    """Returns whether newly accepted quotes [n] change the history before the newest known quote [k].

    Both sets are in date order. The first quotes of a series change its history, and so does a quote on a day without a
    known quote. Corrections change the history if the root of the sum of their squared log changes exceeds a typical
    return (MAD-sigma of the newest 250 returns); smaller corrections do not affect estimates noticeably.
    """
    if not len(known_days):
        return len(new_days) > 0
    earlier = new_days < known_days[-1]
    if not earlier.any():
        return False
    place = np.searchsorted(known_days, new_days[earlier])
    if (known_days[place] != new_days[earlier]).any():
        return True
    corrections = np.log(new_prices[earlier] / known_prices[place])
    return float(np.sqrt(np.sum(corrections**2))) > usual_sigma(np.diff(np.log(known_prices[-SIGMA_WINDOW - 1 :])))


def _check(**columns: tuple[Dates, Float]) -> None:
    for name, (dates, prices) in columns.items():
        if dates.shape != prices.shape:
            raise InvalidInput(f"{name} prices", f"{len(prices)} for {len(dates)} dates", "one for each date")
        if np.isnat(dates).any():
            raise InvalidInput(f"{name} dates", "NaT", "a date")


def _days(dates: Dates) -> Int:
    return dates.astype("datetime64[D]").astype(np.int64)


def _quotes(dates: Dates, prices: Float) -> Quotes:
    return Quotes(_days(dates), np.log(prices))


def _refusals(days: Int, prices: Float, today: Int) -> NDArray[np.int8]:
    """Returns refusal reasons that need no comparison with other dates.

    A quote that is refused because of its own value does not conflict with another quote of the same date.
    """
    finite = np.isfinite(prices)
    reason = np.where(days > today, int(RefusalReason.FUTURE_DATE), int(RefusalReason.NONE)).astype(np.int8)
    reason[finite & (prices <= 0.0)] = int(RefusalReason.NOT_POSITIVE)
    reason[~finite] = int(RefusalReason.NOT_FINITE)
    usable = np.flatnonzero(reason == int(RefusalReason.NONE))
    _, first, group = np.unique(days[usable], return_index=True, return_inverse=True)
    differs = prices[usable] != prices[usable][first][group]
    clash = np.isin(group, group[differs])
    reason[usable[clash]] = int(RefusalReason.CONFLICTING_DUPLICATE)
    return reason


def _is_among(days: Int, prices: Float, known_days: Int, known_prices: Float) -> Bool:
    """Returns whether each quote equals a known quote, by day and price; known quotes are in date order."""
    place = np.searchsorted(known_days, days)
    found = place < len(known_days)
    found[found] = known_days[place[found]] == days[found]
    found[found] = known_prices[place[found]] == prices[found]
    return found
