"""Scores estimates against realised prices: error, bias, coverage and pinball loss, overall and by category."""

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
    """Score of one group of sales.

    ``rmsle`` is the root mean square of log1p(estimate) - log1p(price). ``bias`` is the mean of log(estimate / price).
    ``coverage`` is the share of prices between low and high. ``pinball`` is the mean loss of the three quantiles in log
    price. ``median_error`` is the median absolute error in currency. ``reference_error`` is the median absolute error
    of the reference values, or NaN if there are none.
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
    """Returns the score of all sales [n] with a price and an estimate, then of each group in name order.

    Raises InvalidInput if no sale has both, or for a price that is not positive.
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
    """Returns the pinball loss [n] of quantile estimates [n] at a level."""
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
