"""How estimates stand against prices that were paid: error, bias, coverage and pinball, for all and by category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Float, Texts
from valuation.checks import require
from valuation.equipment.models.conformal import HIGH, LOW, MIDDLE
from valuation.errors import InvalidInput

EVERYTHING = "all"


@dataclass(frozen=True)
class Score:
    """One group's score: ``bias`` is the mean log of estimate over price, so that below 0 is too low.

    ``coverage`` is the share of prices within low and high, ``pinball`` the mean loss of the three quantiles in log
    price, ``median_error`` the median absolute error in the currency; ``reference_error`` that of the reference value,
    NaN without one.
    """

    group: str
    sales: int
    rmsle: float
    bias: float
    coverage: float
    pinball: float
    median_error: float
    reference_error: float


def scores(price: Float, low: Float, fmv: Float, high: Float, reference: Float, group: Texts) -> list[Score]:
    """The score of all sales [n] that have both a price and an estimate, then of each group by its name.

    Raises InvalidInput when there is none, or for a price that is not more than 0.
    """
    require("price", price, price > 0.0, "more than 0")
    scored = ~np.isnan(price + fmv)
    if not scored.any():
        raise InvalidInput("price", "no row with a price and an estimate", "at least one")
    columns = [column[scored] for column in (price, low, fmv, high, reference)]
    names = group[scored].astype(str)
    found = [_score(EVERYTHING, columns)]
    return found + [_score(str(name), [column[names == name] for column in columns]) for name in np.unique(names)]


def pinball(actual: Float, quantile: Float, level: float) -> Float:
    """Loss [n] of a quantile at a level."""
    return np.asarray((level - (actual < quantile)) * (actual - quantile))


def _score(name: str, columns: list[Float]) -> Score:
    price, low, fmv, high, reference = columns
    actual = np.log(price)
    error = np.log(fmv) - actual
    losses = [pinball(actual, np.log(q), level) for q, level in ((low, LOW), (fmv, MIDDLE), (high, HIGH))]
    return Score(
        group=name,
        sales=len(price),
        rmsle=float(np.sqrt(np.mean(np.square(np.log1p(fmv) - np.log1p(price))))),
        bias=float(np.mean(error)),
        coverage=float(np.mean((price >= low) & (price <= high))),
        pinball=float(np.mean(losses)),
        median_error=float(np.median(np.abs(fmv - price))),
        reference_error=_median_of_known(np.abs(reference - price)),
    )


def _median_of_known(error: Float) -> float:
    known = error[~np.isnan(error)]
    return float(np.median(known)) if len(known) else float("nan")
