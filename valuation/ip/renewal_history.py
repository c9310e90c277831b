"""Values IP assets from their renewal histories: the fees paid and the first fee not paid.

The paid fees give a lower bound of the first return, and the first unpaid fee an upper bound. The first return follows
the lognormal distribution of its cohort, truncated to the range between the bounds. The mean value and its 10 % and 90
% points are computed from that distribution. Model: Schankerman and Pakes (1986), doi 10.2307/2233173.
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
"""Minimum number of histories for a fit, counting only those in which a fee was due."""

FIT_LAPSE_YEARS_LEAST = 3
"""Minimum number of distinct lapse years; fewer cannot identify the three parameters."""

LOW, HIGH = 0.10, 0.90
LOG_SD_LEAST, LOG_SD_MOST, LOG_MEAN_MOST = 1e-3, 10.0, 100.0
EDGE = 1e-3
"""Distance from a bound of the obsolescence within which a fit counts as stopped at the bound."""

PANELS = 16
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
TAIL_CUTOFF = 80.0
"""Twice the drop in log density beyond which a tail is omitted: density ratios below e^-40."""

EVIDENCE = (
    "No public price data proves such values: they follow from fee payments under the model, and are tested against "
    "simulated cohorts and an independent computation."
)


class HistoryFlag(IntFlag):
    """Limitations of a value implied by a renewal history."""

    NONE = 0
    TOP_OF_FEES = 1 << 0
    """Every fee was paid: the value has no upper bound and depends on the tail of the lognormal."""
    STILL_IN_FORCE = 1 << 1
    """All fees so far were paid and the next one is not yet due: the value has no upper bound yet."""
    NEVER_PAID = 1 << 2
    """The first fee was not paid: the IP asset is worth nothing to its owner."""
    NO_HISTORY = 1 << 3
    """No fee was due yet: the value is that of the whole cohort."""
    MEAN_ABOVE_HIGH = 1 << 4
    """The mean is above the 90 % point: a few very valuable IP assets dominate it."""
    NO_RETURN_FITS = 1 << 5
    """No first return explains the history under the fitted obsolescence, and the value is NaN."""
    OBSOLESCENCE_AT_EDGE = 1 << 6
    """The fitted obsolescence is at a bound: the lapses cannot separate obsolescence from spread."""


@dataclass(frozen=True)
class ImpliedValues:
    """Mean, 10 % point and 90 % point [n] of the first-year value in the fees' currency, and HistoryFlag bits [n]."""

    value: Float
    low: Float
    high: Float
    flags: Int


def fit_histories(years_paid: ArrayLike, lapsed: ArrayLike, fees: ArrayLike) -> RenewalFit:
    """Fits the renewal model to histories of IP assets [n].

    ``years_paid`` [n] is the last year paid, 0 for none. ``lapsed`` [n] is true where the next fee was not paid.
    ``fees`` [years] are the yearly fees. Raises InvalidInput for an impossible history or too few fees. Also raises
    InvalidInput if fewer than FIT_RIGHTS_LEAST histories have a fee due, or if lapses occur in fewer than
    FIT_LAPSE_YEARS_LEAST different years.
    """
    fee = np.asarray(fees, dtype=np.float64)
    if fee.ndim != 1 or len(fee) < FIT_FEES_LEAST:
        raise InvalidInput("fees", f"{fee.size} fees", f"at least {FIT_FEES_LEAST}, one for each year")
    paid, gone = _histories(years_paid, lapsed, len(fee))
    due = int(np.count_nonzero(gone | (paid > 0)))
    if due < FIT_RIGHTS_LEAST:
        raise InvalidInput("years_paid", f"{due} IP assets with a fee due", f"at least {FIT_RIGHTS_LEAST}")
    years = len(np.unique(paid[gone]))
    if years < FIT_LAPSE_YEARS_LEAST:
        want = f"at least {FIT_LAPSE_YEARS_LEAST}, one for each fitted parameter"
        raise InvalidInput("lapsed", f"lapses in {years} different years", want)
    running = np.bincount(paid[~gone], minlength=len(fee) + 1)
    not_paid = np.bincount(paid[gone], minlength=len(fee))
    return fit_renewal(not_paid, float(running[-1]), fee, np.append(running[1:-1], 0))


def implied_values(
    years_paid: ArrayLike, lapsed: ArrayLike, fit: RenewalFit, discount_rate: float, fees: ArrayLike
) -> ImpliedValues:
    """Values IP assets [n] from their histories (see fit_histories) under a fitted model.

    The truncated lognormal is integrated by quadrature, without random numbers. Values are NaN where no first return
    fits. Raises InvalidInput for an impossible history, or a fit, discount rate or fee out of range.
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
    """Returns checked columns (years paid [n], lapsed [n]); raises InvalidInput for an impossible history."""
    given, gone = np.asarray(years_paid, dtype=np.float64), np.asarray(lapsed, dtype=np.bool_)
    if given.ndim != 1 or given.shape != gone.shape:
        raise InvalidInput("lapsed", f"{gone.size} for {given.size} IP assets", "one for each")
    whole = np.isfinite(given) & (given == np.floor(given)) & (given >= 0) & (given <= fees)
    require("years_paid", np.nan_to_num(given, nan=-1.0), whole, f"a whole number, 0 to {fees}")
    paid = given.astype(np.int64)
    if (gone & (paid == fees)).any():
        at = int(np.argmax(gone & (paid == fees)))
        raise InvalidInput(f"lapsed[{at}]", f"yes after all {fees} fees", "no, because no fee is left to pay")
    return paid, gone


class _Model:
    """Fitted model with its fees, which values first returns that are truncated by a history."""

    def __init__(self, fit: RenewalFit, discount_rate: float, fees: Float) -> None:
        for name, got, least, most in (
            ("log_mean", fit.log_mean, -LOG_MEAN_MOST, LOG_MEAN_MOST),
            ("log_sd", fit.log_sd, LOG_SD_LEAST, LOG_SD_MOST),
            ("obsolescence", fit.obsolescence, 0.0, OBSOLESCENCE_MOST),
        ):
            if not least <= got <= most:
                raise InvalidInput(name, got, f"{least:g} to {most:g}; the lapses do not fit a lognormal")
        if not 0.0 <= discount_rate < np.inf:
            raise InvalidInput("discount_rate", discount_rate, "0 or more")
        require("fees", np.nan_to_num(fees), (fees > 0.0) & np.isfinite(fees), "more than 0")
        self.fit, self.discount_rate, self.fees = fit, discount_rate, fees
        self.bounds = np.concatenate([[0.0], least_return(fit.obsolescence, fees), [np.inf]])
        with np.errstate(divide="ignore"):
            self.z_bounds = (np.log(self.bounds) - fit.log_mean) / fit.log_sd

    def implied(self, paid: int, *, lapsed: bool) -> tuple[float, float, float, HistoryFlag]:
        """Returns mean value, 10 % point, 90 % point and flags of one history."""
        first, last = paid, paid + 1 if lapsed else len(self.bounds) - 1
        flags = self._flags(paid, lapsed=lapsed)
        if not self.z_bounds[first] < self.z_bounds[last]:
            return np.nan, np.nan, np.nan, flags | HistoryFlag.NO_RETURN_FITS
        points = [_quantile(float(self.z_bounds[first]), float(self.z_bounds[last]), level) for level in (LOW, HIGH)]
        low, high = self._values(np.array(points), first, last).tolist()
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
        """Returns the mean value between two bounds by Gauss-Legendre quadrature on panels.

        No panel crosses a bound, because the value as a function of the return has a kink at every bound.
        """
        start, end = _support(float(self.z_bounds[first]), float(self.z_bounds[last]), self.fit.log_sd)
        kinks = np.clip(self.z_bounds[first : last + 1], start, end)
        edges = np.unique(np.concatenate([[start], kinks, [end]]))
        panels = np.concatenate([np.linspace(*pair, PANELS, endpoint=False) for pair in pairwise(edges)] + [edges[-1:]])
        half, middle = np.diff(panels) / 2.0, (panels[1:] + panels[:-1]) / 2.0
        z = (middle[:, None] + half[:, None] * NODES).ravel()
        # The density is scaled to 1 at the point nearest to 0, because it underflows far out in a tail.
        nearest = z[np.argmin(np.abs(z))]
        density = np.exp((nearest - z) * (nearest + z) / 2.0) * (half[:, None] * WEIGHTS).ravel()
        return float(np.sum(density * self._values(z, first, last)) / np.sum(density))

    def _values(self, z: Float, first: int, last: int) -> Float:
        """Returns the values [n] of first returns at standard normal quantiles z [n], clipped to two bounds."""
        returns = np.exp(self.fit.log_mean + self.fit.log_sd * z)
        clipped = np.clip(returns, self.bounds[first], np.nextafter(self.bounds[last], 0.0))
        return renewal_value(clipped, self.fit.obsolescence, self.discount_rate, self.fees).value


def _support(low: float, high: float, log_sd: float) -> tuple[float, float]:
    """Returns the range of a truncated standard normal outside which two functions are negligible.

    The functions are the density and density x e^(log_sd z).
    """
    left, right = min(high, 0.0), max(low, log_sd)
    return max(low, left - _reach(-left)), min(high, right + _reach(max(low - log_sd, 0.0)))


def _reach(z: float) -> float:
    """Returns the distance beyond z over which the standard normal density falls by a factor of e^-40."""
    return float(TAIL_CUTOFF / (np.sqrt(z * z + TAIL_CUTOFF) + z))


def _quantile(low: float, high: float, level: float) -> float:
    """Returns a quantile of the standard normal truncated to [low, high].

    It is computed from log tail probabilities, to be accurate far out in the tails.
    """
    if low + high < 0.0:
        return -_quantile(-high, -low, 1.0 - level)
    near, far = float(log_ndtr(-low)), float(log_ndtr(-high))
    z = -float(ndtri_exp(near + np.log1p(level * np.expm1(far - near))))
    return min(max(z, low), high)
