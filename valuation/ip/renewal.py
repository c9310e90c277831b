"""Patent renewal: what owners reveal of a right's worth by paying its yearly fees.

A right earns r_t = r_1 (1 - d)^(t-1) in year t and costs the fee c_t; its owner renews while r_t >= c_t, and a right
not renewed is lost. Its value is the discounted sum of r_t - c_t over the years paid. Schankerman and Pakes (1986),
doi 10.2307/2233173.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from valuation.depreciation.checks import require
from valuation.errors import InvalidInput
from valuation.ip.legal_terms import RightKind
from valuation.tables import read_table

Float = NDArray[np.float64]
Int = NDArray[np.int64]

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
    needed = np.maximum.accumulate(fee / (1.0 - decay) ** np.arange(len(fee)))
    return np.asarray(ndtr((log_mean - np.log(needed)) / spread), dtype=np.float64)


@dataclass(frozen=True)
class RenewalFit:
    """A lognormal of first returns and an obsolescence under which the lapses that were seen are most likely."""

    log_mean: float
    log_sd: float
    obsolescence: float
    log_likelihood: float


def fit_renewal(lapsed: ArrayLike, kept: float, fees: ArrayLike) -> RenewalFit:
    """The model fitted to a cohort: how many rights lapsed for want of each fee [years], and how many paid them all.

    Raises InvalidInput for counts that are negative or as good as none, or fees that are not one for each count.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import, and only fits need it

    counts, fee = np.asarray(lapsed, dtype=np.float64), np.asarray(fees, dtype=np.float64)
    require("lapsed", counts, counts >= 0.0, "0 or more")
    if counts.shape != fee.shape or len(fee) < FIT_FEES_LEAST:
        raise InvalidInput(
            "fees", f"{len(fee)} fees for {len(counts)} counts", f"at least {FIT_FEES_LEAST}, one for each"
        )
    if not counts.sum() > 0.0 or not kept >= 0.0:
        raise InvalidInput("lapsed", float(counts.sum()), "some rights that lapsed, and 0 or more kept")

    def loss(parameters: Float) -> float:
        in_force = share_in_force(parameters[0], float(np.exp(parameters[1])), float(_share(parameters[2])), fee)
        steps = -np.diff(np.concatenate([[1.0], in_force]))
        chances = np.maximum(np.append(steps, in_force[-1]), CHANCE_FLOOR)
        return -float(np.sum(np.append(counts, kept) * np.log(chances)))

    start = np.array([float(np.log(fee.mean())), 0.0, 0.0])
    found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4_000, "xatol": 1e-8, "fatol": 1e-8})
    mean, spread, decay = found.x
    return RenewalFit(float(mean), float(np.exp(spread)), float(_share(decay)), -float(found.fun))


def _share(parameter: float) -> float:
    """A number of the whole line as an obsolescence from 0 to OBSOLESCENCE_MOST."""
    return float(OBSOLESCENCE_MOST / (1.0 + np.exp(-parameter)))
