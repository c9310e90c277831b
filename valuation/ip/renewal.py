"""Patent renewal model: infers the value of IP assets from the yearly fees that their owners pay.

An IP asset earns r_t = r_1 (1 - d)^(t-1) in year t and costs the fee c_t. The owner renews while r_t >= c_t, and the
asset lapses otherwise. The value is the discounted sum of r_t - c_t over the renewed years. Source: Schankerman and
Pakes (1986), doi 10.2307/2233173.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from valuation._typing import Float, Int
from valuation.checks import require
from valuation.errors import InvalidInput
from valuation.ip.legal_terms import RightKind
from valuation.packaged import read_table

FIT_FEES_LEAST = 3
"""Minimum number of fees; fewer cannot identify the three parameters."""

CHANCE_FLOOR = 1e-12
OBSOLESCENCE_MOST = 0.9
"""Bounds of a fit: smallest probability of an observation and largest obsolescence."""


@dataclass(frozen=True)
class RenewalValues:
    """Value [n] of each IP asset to an owner who renews while renewal is profitable, and years renewed [n]."""

    value: Float
    years_renewed: Int


@cache
def annuities(office: str, kind: RightKind) -> tuple[float, ...]:
    """Returns the fee of each year from the first to the end of the term, in the office's currency.

    Raises InvalidInput for an office and kind without a table.
    """
    table = read_table("valuation.ip", "annuities.csv")
    rows = [row for row in table if row["office"] == office and row["kind"] == kind.name]
    if not rows:
        raise InvalidInput("office", f"{office} {kind.name}", "an office and kind with a table of yearly fees")
    return tuple(float(row["fee"]) for row in rows for _ in range(int(row["first_year"]), int(row["last_year"]) + 1))


def renewal_value(
    first_return: ArrayLike, obsolescence: ArrayLike, discount_rate: ArrayLike, fees: ArrayLike
) -> RenewalValues:
    """Values IP assets [n] at the start of their first year, in the currency of the fees [years].

    The first return and fee are not discounted. ``obsolescence`` is the share of the return lost each year. Raises
    InvalidInput for a negative return, fee or discount rate, or an obsolescence outside [0, 1].
    """
    given = (np.atleast_1d(np.asarray(column, np.float64)) for column in (first_return, obsolescence, discount_rate))
    first, decay, discount = np.broadcast_arrays(*given)
    fee = np.asarray(fees, dtype=np.float64)
    for name, column in (("first_return", first), ("discount_rate", discount), ("fees", fee)):
        require(name, column, column >= 0.0, "0 or more")
    require("obsolescence", decay, (decay >= 0.0) & (decay <= 1.0), "0 to 1")
    year = np.arange(len(fee))
    returns = first[:, None] * (1.0 - decay[:, None]) ** year
    renewed = np.logical_and.accumulate(returns >= fee, axis=1)
    net = np.where(renewed, (returns - fee) / (1.0 + discount[:, None]) ** year, 0.0)
    value = np.where(np.isnan(returns).any(axis=1) | np.isnan(discount), np.nan, net.sum(axis=1))
    return RenewalValues(value, renewed.sum(axis=1).astype(np.int64))


def share_in_force(log_mean: float, log_sd: float, obsolescence: float, fees: ArrayLike) -> Float:
    """Returns the share of a cohort still renewed in each year [years] for lognormal first returns.

    An IP asset is renewed in year t if its first return is at least max over s <= t of c_s (1 - d)^(1-s). Raises
    InvalidInput for a standard deviation or fee that is not positive, or an obsolescence outside [0, 1).
    """
    spread, decay = np.asarray(log_sd, dtype=np.float64), np.asarray(obsolescence, dtype=np.float64)
    require("log_sd", spread, spread > 0.0, "more than 0")
    require("obsolescence", decay, (decay >= 0.0) & (decay < 1.0), "0 to less than 1")
    fee = np.asarray(fees, dtype=np.float64)
    require("fees", fee, fee > 0.0, "more than 0")
    return np.asarray(ndtr((log_mean - np.log(least_return(float(decay), fee))) / spread), dtype=np.float64)


def least_return(obsolescence: float, fees: Float) -> Float:
    """Returns, for each year, the least first return [years] for which every fee up to that year is worth paying.

    This is max over s <= t of c_s / (1 - d)^(s-1), in the currency of the fees [years], with an obsolescence d
    in [0, 1).
    """
    return np.maximum.accumulate(fees / (1.0 - obsolescence) ** np.arange(len(fees)))


@dataclass(frozen=True)
class RenewalFit:
    """Maximum-likelihood parameters of the renewal model: lognormal first returns and obsolescence."""

    log_mean: float
    log_sd: float
    obsolescence: float
    log_likelihood: float


def fit_renewal(lapsed: ArrayLike, kept: float, fees: ArrayLike, in_force: ArrayLike | None = None) -> RenewalFit:
    """Fits the model to a cohort by maximum likelihood.

    ``lapsed`` [years] counts, for each year, the IP assets that lapsed because the fee of that year was not paid.
    ``kept`` counts the IP assets for which all fees were paid. ``in_force`` [years] counts, by the last year paid, the
    IP assets whose next fee is not yet due; the default is 0. Their histories are censored: the likelihood of such a
    history is the share in force in its last year. Raises InvalidInput for negative or non-finite counts, a cohort
    without lapses, fees that are not positive, or fewer than FIT_FEES_LEAST fees.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import, and only fits use it

    counts, fee = np.asarray(lapsed, dtype=np.float64), np.asarray(fees, dtype=np.float64)
    running = np.zeros(counts.shape) if in_force is None else np.asarray(in_force, dtype=np.float64)
    _check_cohort(counts, kept, running, fee)

    def loss(parameters: Float) -> float:
        shares = share_in_force(parameters[0], float(np.exp(parameters[1])), float(_share(parameters[2])), fee)
        steps = -np.diff(np.concatenate([[1.0], shares]))
        chances = np.maximum(np.append(steps, shares[-1]), CHANCE_FLOOR)
        censored = float(np.sum(running * np.log(np.maximum(shares, CHANCE_FLOOR))))
        return -float(np.sum(np.append(counts, kept) * np.log(chances))) - censored

    start = np.array([float(np.log(fee.mean())), 0.0, 0.0])
    found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4_000, "xatol": 1e-8, "fatol": 1e-8})
    mean, spread, decay = found.x
    return RenewalFit(float(mean), float(np.exp(spread)), float(_share(decay)), -float(found.fun))


def _check_cohort(lapsed: Float, kept: float, in_force: Float, fees: Float) -> None:
    """Raises InvalidInput for counts or fees that cannot be fitted."""
    for name, counts in (("lapsed", lapsed), ("in_force", in_force)):
        if not np.isfinite(counts).all():
            raise InvalidInput(name, "a count that is not finite", "0 or more")
        require(name, counts, counts >= 0.0, "0 or more")
    if lapsed.ndim != 1 or lapsed.shape != fees.shape or len(fees) < FIT_FEES_LEAST:
        raise InvalidInput(
            "fees", f"{fees.size} fees for {lapsed.size} counts", f"at least {FIT_FEES_LEAST}, one for each"
        )
    if in_force.shape != fees.shape:
        raise InvalidInput("in_force", f"{in_force.size} counts for {fees.size} fees", "one for each fee")
    if not np.isfinite(fees).all():
        raise InvalidInput("fees", "a fee that is not finite", "more than 0")
    require("fees", fees, fees > 0.0, "more than 0")
    if not lapsed.sum() > 0.0:
        raise InvalidInput("lapsed", float(lapsed.sum()), "more than 0 in total")
    if not 0.0 <= kept < np.inf:
        raise InvalidInput("kept", kept, "0 or more")


def _share(parameter: float) -> float:
    """Maps an unbounded parameter to an obsolescence in (0, OBSOLESCENCE_MOST)."""
    return float(OBSOLESCENCE_MOST / (1.0 + np.exp(-parameter)))
