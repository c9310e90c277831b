"""Admission of new prices: in use, kept aside, or refused with the reason.

A quote that jumps away from its neighbours is quarantined; three in a row that agree with each other are a level
break and come into use together (valuation/prices/jumps.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Dates, Float
from valuation.errors import InvalidInput
from valuation.prices.jumps import RETURNS_LOOKED_AT, Quotes, jump_limit, screen
from valuation.prices.regime_breaks import usual_sigma


class AdmissionVerdict(IntEnum):
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
    """Judges new quotes [n] of one series against the accepted ones [k] and those in quarantine [p].

    ``known`` and ``pending`` hold positive prices in order of dates, one a date. A quote equal to the accepted one of
    its date, or to one before it in the message, is a DUPLICATE; another price for such a date is a correction,
    accepted if it passes the jump rule against the neighbours on other dates. Two prices for one date in one message
    are both refused. A quote that repeats a quarantined one stays quarantined: saying an error twice does not confirm
    it. Raises InvalidInput where dates and prices differ in length or a date is NaT.
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
    verdict = np.full(len(days), int(AdmissionVerdict.REFUSED), dtype=np.int8)
    verdict[usable] = verdict_of_day[repeat]
    verdict[np.delete(usable, first)] = int(AdmissionVerdict.DUPLICATE)
    reason[verdict == int(AdmissionVerdict.QUARANTINED)] = int(RefusalReason.JUMP)
    return Admission(verdict, reason, screened.released, screened.level_break)


def rewritten(
    known_days: NDArray[np.int64], known_prices: Float, new_days: NDArray[np.int64], new_prices: Float
) -> bool:
    """Whether quotes that came into use [n] change the history before the newest of those known [k], in order of days.

    The first ones do, and so does a day that was not known. Corrections do if together, as a root of the sum of their
    squares, they are larger than a usual return (MAD-sigma of the newest 250): below that no estimate would notice.
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
    return float(np.sqrt(np.sum(corrections**2))) > usual_sigma(np.diff(np.log(known_prices[-RETURNS_LOOKED_AT - 1 :])))


def _check(**columns: tuple[Dates, Float]) -> None:
    for name, (dates, prices) in columns.items():
        if dates.shape != prices.shape:
            raise InvalidInput(f"{name} prices", f"{len(prices)} for {len(dates)} dates", "one for each date")
        if np.isnat(dates).any():
            raise InvalidInput(f"{name} dates", "NaT", "a date")


def _days(dates: Dates) -> NDArray[np.int64]:
    return dates.astype("datetime64[D]").astype(np.int64)


def _quotes(dates: Dates, prices: Float) -> Quotes:
    return Quotes(_days(dates), np.log(prices))


def _refusals(days: NDArray[np.int64], prices: Float, today: NDArray[np.int64]) -> NDArray[np.int8]:
    """Reasons that need no neighbour; a quote refused for itself does not clash with another of its date."""
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


def _is_among(
    days: NDArray[np.int64], prices: Float, known_days: NDArray[np.int64], known_prices: Float
) -> NDArray[np.bool_]:
    """Whether each quote is one of the known quotes, which are in order of days."""
    place = np.searchsorted(known_days, days)
    found = place < len(known_days)
    found[found] = known_days[place[found]] == days[found]
    found[found] = known_prices[place[found]] == prices[found]
    return found
