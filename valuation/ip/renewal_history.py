"""What a right is worth by the fees that its owner paid and the one that he did not.

A right that paid up to year t has a first return of at least what those fees ask for; one that then lapsed has less
than the next fee asks for. Between the two the first return is the lognormal of its cohort, cut off: the mean value and
its 10 % and 90 % points are read from that. Model of Schankerman and Pakes (1986), doi 10.2307/2233173.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtri_exp

from valuation._typing import Bool, Float, Int
from valuation.checks import require
from valuation.errors import InvalidInput
from valuation.ip.renewal import (
    FIT_FEES_LEAST,
    OBSOLESCENCE_MOST,
    RenewalFit,
    fit_renewal,
    least_return,
    renewal_value,
)

FIT_RIGHTS_LEAST = 30
"""Fewer rights with a history leave a fit to chance."""

FIT_LAPSE_YEARS_LEAST = 3
"""Lapses in fewer different years leave the three parameters unknown."""

LOW, HIGH = 0.10, 0.90
LOG_SD_LEAST, LOG_SD_MOST, LOG_MEAN_MOST = 1e-3, 10.0, 100.0
EDGE = 1e-3
"""An obsolescence as near as this to an end of what a fit tries was not found, but stopped there."""

PANELS = 16
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
LEFT_OUT = 80.0
"""Twice the log of the share of a density beyond which its tail is left out: e^-40."""

EVIDENCE = (
    "No public price data proves such values: they are what paying fees implies under the model, tested against "
    "simulated cohorts and a second way of computing them."
)


class HistoryFlag(IntFlag):
    """What a reader should know of a value that a history implies."""

    NONE = 0
    TOP_OF_FEES = 1 << 0
    """Every fee was paid: nothing will ever bound the value from above, it rests on the tail of the lognormal."""
    STILL_IN_FORCE = 1 << 1
    """Paid so far and not asked for the next fee: nothing bounds the value from above yet."""
    NEVER_PAID = 1 << 2
    """Lapsed for want of the first fee: worth nothing to its owner."""
    NO_HISTORY = 1 << 3
    """Not asked for a fee yet: the value is that of the whole cohort."""
    MEAN_ABOVE_HIGH = 1 << 4
    """The mean is above the 90 % point: few very good rights make it."""
    NO_RETURN_FITS = 1 << 5
    """No first return explains the history under the fitted obsolescence; there is no value."""
    OBSOLESCENCE_AT_EDGE = 1 << 6
    """The fit stopped at an end of what it tries: the lapses do not tell obsolescence from spread."""


@dataclass(frozen=True)
class ImpliedValues:
    """Mean, 10 % and 90 % point [n] of the value at the first year in the currency of the fees, and HistoryFlag [n]."""

    value: Float
    low: Float
    high: Float
    flags: Int


def fit_histories(years_paid: ArrayLike, lapsed: ArrayLike, fees: ArrayLike) -> RenewalFit:
    """The renewal model fitted to rights [n] by the newest year paid (0 for none) and whether the next was not paid.

    ``fees`` [years] in their currency. Raises InvalidInput for a history that cannot be, fewer than FIT_RIGHTS_LEAST
    rights that were asked for a fee, lapses in fewer than FIT_LAPSE_YEARS_LEAST different years, or too few fees.
    """
    fee = np.asarray(fees, dtype=np.float64)
    if fee.ndim != 1 or len(fee) < FIT_FEES_LEAST:
        raise InvalidInput("fees", f"{fee.size} fees", f"at least {FIT_FEES_LEAST}, one for each year")
    paid, gone = _histories(years_paid, lapsed, len(fee))
    asked = int(np.count_nonzero(gone | (paid > 0)))
    if asked < FIT_RIGHTS_LEAST:
        raise InvalidInput("years_paid", f"{asked} rights that were asked for a fee", f"at least {FIT_RIGHTS_LEAST}")
    years = len(np.unique(paid[gone]))
    if years < FIT_LAPSE_YEARS_LEAST:
        want = f"at least {FIT_LAPSE_YEARS_LEAST}, one for each number that is fitted"
        raise InvalidInput("lapsed", f"lapses in {years} different years", want)
    running = np.bincount(paid[~gone], minlength=len(fee) + 1)
    not_paid = np.bincount(paid[gone], minlength=len(fee))
    return fit_renewal(not_paid, float(running[-1]), fee, np.append(running[1:-1], 0))


def implied_values(
    years_paid: ArrayLike, lapsed: ArrayLike, fit: RenewalFit, discount_rate: float, fees: ArrayLike
) -> ImpliedValues:
    """Values of rights [n] by their histories, see ``fit_histories``, under a fitted model.

    By quadrature over the lognormal cut off at what each history says, without random numbers. NaN where no first
    return fits. Raises InvalidInput for a history that cannot be, a fit out of range, a discount rate or fees that are.
    """
    fee = np.asarray(fees, dtype=np.float64)
    paid, gone = _histories(years_paid, lapsed, len(fee))
    model = _Model(fit, discount_rate, fee)
    code, row = np.unique(2 * paid + gone, return_inverse=True)
    found = [model.implied(int(one) // 2, lapsed=bool(one % 2)) for one in code.tolist()]
    columns = np.array([one[:3] for one in found], dtype=np.float64).reshape(-1, 3)[row]
    flags = np.array([int(one[3]) for one in found], dtype=np.int64)[row]
    return ImpliedValues(columns[:, 0], columns[:, 1], columns[:, 2], flags)


def _histories(years_paid: ArrayLike, lapsed: ArrayLike, fees: int) -> tuple[Int, Bool]:
    """The columns of histories; raises InvalidInput where one cannot be."""
    given, gone = np.asarray(years_paid, dtype=np.float64), np.asarray(lapsed, dtype=np.bool_)
    if given.ndim != 1 or given.shape != gone.shape:
        raise InvalidInput("lapsed", f"{gone.size} for {given.size} rights", "one for each")
    whole = np.isfinite(given) & (given == np.floor(given)) & (given >= 0) & (given <= fees)
    require("years_paid", np.nan_to_num(given, nan=-1.0), whole, f"a whole number, 0 to {fees}")
    paid = given.astype(np.int64)
    if (gone & (paid == fees)).any():
        at = int(np.argmax(gone & (paid == fees)))
        raise InvalidInput(f"lapsed[{at}]", f"yes after all {fees} fees", "no: there is no fee left to lapse for")
    return paid, gone


class _Model:
    """A fitted model with its fees: what a cut of the first return is worth."""

    def __init__(self, fit: RenewalFit, discount_rate: float, fees: Float) -> None:
        for name, got, least, most in (
            ("log_mean", fit.log_mean, -LOG_MEAN_MOST, LOG_MEAN_MOST),
            ("log_sd", fit.log_sd, LOG_SD_LEAST, LOG_SD_MOST),
            ("obsolescence", fit.obsolescence, 0.0, OBSOLESCENCE_MOST),
        ):
            if not least <= got <= most:
                raise InvalidInput(name, got, f"{least:g} to {most:g}; beyond, the lapses show no lognormal")
        if not 0.0 <= discount_rate < np.inf:
            raise InvalidInput("discount_rate", discount_rate, "0 or more")
        require("fees", np.nan_to_num(fees), (fees > 0.0) & np.isfinite(fees), "more than 0")
        self.fit, self.discount_rate, self.fees = fit, discount_rate, fees
        self.bounds = np.concatenate([[0.0], least_return(fit.obsolescence, fees), [np.inf]])
        with np.errstate(divide="ignore"):
            self.places = (np.log(self.bounds) - fit.log_mean) / fit.log_sd

    def implied(self, paid: int, *, lapsed: bool) -> tuple[float, float, float, HistoryFlag]:
        """Mean value, 10 % and 90 % point and flags of one history."""
        first, last = paid, paid + 1 if lapsed else len(self.bounds) - 1
        flags = self._flags(paid, lapsed=lapsed)
        if not self.places[first] < self.places[last]:
            return np.nan, np.nan, np.nan, flags | HistoryFlag.NO_RETURN_FITS
        ends = [_quantile(float(self.places[first]), float(self.places[last]), level) for level in (LOW, HIGH)]
        low, high = self._values(np.array(ends), first, last).tolist()
        mean = self._mean(first, last)
        return mean, low, high, flags | (HistoryFlag.MEAN_ABOVE_HIGH if mean > high else HistoryFlag.NONE)

    def _flags(self, paid: int, *, lapsed: bool) -> HistoryFlag:
        edge = not EDGE < self.fit.obsolescence < OBSOLESCENCE_MOST - EDGE
        flags = HistoryFlag.OBSOLESCENCE_AT_EDGE if edge else HistoryFlag.NONE
        if lapsed:
            return flags | (HistoryFlag.NONE if paid else HistoryFlag.NEVER_PAID)
        if paid == len(self.fees):
            return flags | HistoryFlag.TOP_OF_FEES
        return flags | HistoryFlag.STILL_IN_FORCE | (HistoryFlag.NONE if paid else HistoryFlag.NO_HISTORY)

    def _mean(self, first: int, last: int) -> float:
        """The mean value between two bounds: Gauss and Legendre's rule on panels between the bounds, where it bends."""
        start, end = _support(float(self.places[first]), float(self.places[last]), self.fit.log_sd)
        bends = np.clip(self.places[first : last + 1], start, end)
        edges = np.unique(np.concatenate([[start], bends, [end]]))
        marks = np.concatenate([np.linspace(*pair, PANELS, endpoint=False) for pair in pairwise(edges)] + [edges[-1:]])
        half, middle = np.diff(marks) / 2.0, (marks[1:] + marks[:-1]) / 2.0
        place = (middle[:, None] + half[:, None] * NODES).ravel()
        nearest = place[np.argmin(np.abs(place))]
        density = np.exp((nearest - place) * (nearest + place) / 2.0) * (half[:, None] * WEIGHTS).ravel()
        return float(np.sum(density * self._values(place, first, last)) / np.sum(density))

    def _values(self, place: Float, first: int, last: int) -> Float:
        """Value [n] of first returns at places of the standard normal, held between two bounds."""
        returns = np.exp(self.fit.log_mean + self.fit.log_sd * place)
        held = np.clip(returns, self.bounds[first], np.nextafter(self.bounds[last], 0.0))
        return renewal_value(held, self.fit.obsolescence, self.discount_rate, self.fees).value


def _support(low: float, high: float, log_sd: float) -> tuple[float, float]:
    """The part of a cut standard normal beyond which neither its weight nor that times e^(log_sd z) counts."""
    left, right = min(high, 0.0), max(low, log_sd)
    return max(low, left - _reach(-left)), min(high, right + _reach(max(low - log_sd, 0.0)))


def _reach(place: float) -> float:
    """How far beyond a place of the standard normal its density falls by e^-40."""
    return float(LEFT_OUT / (np.sqrt(place * place + LEFT_OUT) + place))


def _quantile(low: float, high: float, level: float) -> float:
    """A point of the standard normal cut off at two places, by the logs of its tails so that far ones hold too."""
    if low + high < 0.0:
        return -_quantile(-high, -low, 1.0 - level)
    near, far = float(log_ndtr(-low)), float(log_ndtr(-high))
    place = -float(ndtri_exp(near + np.log1p(level * np.expm1(far - near))))
    return min(max(place, low), high)
