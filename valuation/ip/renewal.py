"""Patent renewal: what owners reveal of a right's worth by paying its yearly fees.

A right earns r_t = r_1 (1 - d)^(t-1) in year t and costs the fee c_t; its owner renews while r_t >= c_t, and a right
not renewed is lost. Its value is the discounted sum of r_t - c_t over the years paid. Schankerman and Pakes (1986),
doi 10.2307/2233173.
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
from valuation.tables import read_table

FIT_FEES_LEAST = 3
"""Fewer fees leave the three parameters unknown."""

CHANCE_FLOOR = 1e-12
OBSOLESCENCE_MOST = 0.9
"""Bounds of a fit: the least chance of what was seen, and the fastest decay."""


@dataclass(frozen=True)
class RenewalValues:
    """Value [n] of each right to an owner who renews as long as it pays, and the years he pays for."""

    value: Float
    years_renewed: Int


@cache
def annuities(office: str, kind: RightKind) -> tuple[float, ...]:
    """Fee of each year from the first to the end of the term, in the office's currency.

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
    """Value of rights [n] at their first year, first return and fee undiscounted, in the currency of the fees [years].

    ``obsolescence`` is the share of the return lost each year. Raises InvalidInput for a negative return, fee or
    discount rate, or an obsolescence outside [0, 1].
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
    """Share of a cohort still renewed in each year [years] when first returns are lognormal.

    A right is renewed in year t when its first return is at least the highest c_s (1 - d)^(1-s) up to t. Raises
    InvalidInput for a standard deviation that is not positive or an obsolescence outside 0 to less than 1.
    """
    spread, decay = np.asarray(log_sd, dtype=np.float64), np.asarray(obsolescence, dtype=np.float64)
    require("log_sd", spread, spread > 0.0, "more than 0")
    require("obsolescence", decay, (decay >= 0.0) & (decay < 1.0), "0 to less than 1")
    fee = np.asarray(fees, dtype=np.float64)
    require("fees", fee, fee > 0.0, "more than 0")
    return np.asarray(ndtr((log_mean - np.log(least_return(float(decay), fee))) / spread), dtype=np.float64)


def least_return(obsolescence: float, fees: Float) -> Float:
    """The least first return [years] with which every fee up to that of each year is worth paying.

    The highest c_s / (1 - d)^(s-1) up to the year, in the currency of the fees [years]; ``obsolescence`` from 0 to less
    than 1.
    """
    return np.maximum.accumulate(fees / (1.0 - obsolescence) ** np.arange(len(fees)))


@dataclass(frozen=True)
class RenewalFit:
    """A lognormal of first returns and an obsolescence under which the lapses that were seen are most likely."""

    log_mean: float
    log_sd: float
    obsolescence: float
    log_likelihood: float


def fit_renewal(lapsed: ArrayLike, kept: float, fees: ArrayLike, in_force: ArrayLike | None = None) -> RenewalFit:
    """The model fitted to a cohort: how many rights lapsed for want of each fee [years], and how many paid them all.

    ``in_force`` [years] counts the rights watched part of their way: those whose newest fee is that of each year and
    which were not asked for the next one yet. All that is known of their first return is that it was enough so far, so
    the likelihood of one is the share in force at that age. None are meant where nothing is given. Raises InvalidInput
    for counts that are negative or as good as none, or fees that are not one for each count.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import, and only fits need it

    counts, fee = np.asarray(lapsed, dtype=np.float64), np.asarray(fees, dtype=np.float64)
    running = np.zeros(counts.shape) if in_force is None else np.asarray(in_force, dtype=np.float64)
    _check_cohort(counts, kept, running, fee)

    def loss(parameters: Float) -> float:
        shares = share_in_force(parameters[0], float(np.exp(parameters[1])), float(_share(parameters[2])), fee)
        steps = -np.diff(np.concatenate([[1.0], shares]))
        chances = np.maximum(np.append(steps, shares[-1]), CHANCE_FLOOR)
        so_far = float(np.sum(running * np.log(np.maximum(shares, CHANCE_FLOOR))))
        return -float(np.sum(np.append(counts, kept) * np.log(chances))) - so_far

    start = np.array([float(np.log(fee.mean())), 0.0, 0.0])
    found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4_000, "xatol": 1e-8, "fatol": 1e-8})
    mean, spread, decay = found.x
    return RenewalFit(float(mean), float(np.exp(spread)), float(_share(decay)), -float(found.fun))


def _check_cohort(lapsed: Float, kept: float, in_force: Float, fees: Float) -> None:
    """Raises InvalidInput for counts or fees that no fit can be made of."""
    for name, counts in (("lapsed", lapsed), ("in_force", in_force)):
        if not np.isfinite(counts).all():
            raise InvalidInput(name, "a count that is no number", "0 or more")
        require(name, counts, counts >= 0.0, "0 or more")
    if lapsed.ndim != 1 or lapsed.shape != fees.shape or len(fees) < FIT_FEES_LEAST:
        raise InvalidInput(
            "fees", f"{fees.size} fees for {lapsed.size} counts", f"at least {FIT_FEES_LEAST}, one for each"
        )
    if in_force.shape != fees.shape:
        raise InvalidInput("in_force", f"{in_force.size} counts for {fees.size} fees", "one for each fee")
    if not np.isfinite(fees).all():
        raise InvalidInput("fees", "a fee that is no number", "more than 0")
    require("fees", fees, fees > 0.0, "more than 0")
    if not lapsed.sum() > 0.0:
        raise InvalidInput("lapsed", float(lapsed.sum()), "some rights that lapsed")
    if not 0.0 <= kept < np.inf:
        raise InvalidInput("kept", kept, "0 or more")


def _share(parameter: float) -> float:
    """A number of the whole line as an obsolescence from 0 to OBSOLESCENCE_MOST."""
    return float(OBSOLESCENCE_MOST / (1.0 + np.exp(-parameter)))
