"""Reconciles appraisals with model values and backtests appraisers.

The deviation of an appraisal from the model falls into a band. Appraisals that differ too much must be repeated. An
appraisal loses weight with age, because the market moves on. Realised sales show the bias and error of each appraiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from valuation._typing import Float, Texts
from valuation.checks import require
from valuation.errors import InvalidInput

FLAGGED_DEVIATION = 0.20
REJECTED_DEVIATION = 0.30
"""Limits of an appraisal's deviation from the model: it is accepted up to the first limit, flagged up to the second and
rejected beyond."""

APART_LIMIT = 0.15
"""Largest difference of two appraisals, relative to the lower; beyond it they must be repeated."""

RATIO_DIGITS = 9
"""Decimals to which a ratio is rounded, so that rounding errors do not change the band."""

HALF_LIFE_DAYS = 365.0
"""Age at which an appraisal has half its initial weight."""

VALID_DAYS = 180.0
"""Age beyond which an appraisal has expired."""

APPRAISAL_LOG_ERROR = float(np.log1p(FLAGGED_DEVIATION) / ndtri(0.9))
"""Standard deviation of log(appraisal / value); with it 80 % of appraisals fall in the first band (expert
assumption)."""

BACKTEST_SALES_LEAST = 5
"""Minimum number of realised sales for the record of an appraiser."""

BIAS_LIMIT = 0.10
"""Absolute mean of log(appraisal / price) beyond which an appraiser is flagged."""


class AppraisalBasis(IntEnum):
    """Basis of value stated by an appraisal; the numeric values are stored."""

    FMV = 1
    OLV = 2
    FLV = 3
    NOLV = 4


class Band(IntEnum):
    """Band of an appraisal's deviation from the model; the numeric values are stored."""

    ACCEPTED = 1
    FLAGGED = 2
    REJECTED = 3


def deviation_band(appraised: ArrayLike, modelled: ArrayLike) -> NDArray[np.int8]:
    """Returns the Band of each appraisal [n] compared with the model value on the same basis.

    Raises InvalidInput for a negative appraisal or a model value that is not positive.
    """
    amount, model = np.asarray(appraised, dtype=np.float64), np.asarray(modelled, dtype=np.float64)
    require("appraised", amount, amount >= 0.0, "0 or more")
    require("modelled", model, model > 0.0, "more than 0")
    deviation = np.round(np.abs(amount / model - 1.0), RATIO_DIGITS)
    band = np.where(deviation > FLAGGED_DEVIATION, Band.FLAGGED, Band.ACCEPTED)
    return np.where(deviation > REJECTED_DEVIATION, Band.REJECTED, band).astype(np.int8)


def too_far_apart(appraised: Sequence[float]) -> bool:
    """Returns whether the highest of several appraisals on one basis exceeds the lowest by more than APART_LIMIT.

    Raises InvalidInput for an appraisal that is not positive.
    """
    amounts = np.asarray(appraised, dtype=np.float64)
    require("appraised", amounts, amounts > 0.0, "more than 0")
    return len(amounts) > 1 and bool(np.round(amounts.max() / amounts.min() - 1.0, RATIO_DIGITS) > APART_LIMIT)


def weight_by_age(age_days: ArrayLike) -> Float:
    """Returns the weight of appraisals [n] by age: 1 on the first day, halved every HALF_LIFE_DAYS.

    Raises InvalidInput for a negative age.
    """
    age = np.asarray(age_days, dtype=np.float64)
    require("age_days", age, age >= 0.0, "0 or more")
    return np.asarray(np.exp2(-age / HALF_LIFE_DAYS), dtype=np.float64)


@dataclass(frozen=True)
class ReconciledEstimate:
    """Value reconciled from the model and appraisals.

    ``bands``, ``expired`` and ``shares`` have one entry for each appraisal. ``apart`` is true if the appraisals differ
    too much. ``shares`` are the weights of the appraisals in the log value; the remaining weight is that of the model.
    """

    value: float
    bands: tuple[Band, ...]
    apart: bool
    expired: tuple[bool, ...]
    shares: tuple[float, ...]


def reconcile(
    modelled: float, model_log_error: float, appraised: Sequence[float], age_days: Sequence[float], log_error: float
) -> ReconciledEstimate:
    """Combines the model value and appraisals on one basis as a weighted mean of their logs.

    The weight of the model is 1 / model_log_error^2. The weight of an appraisal is 1 / log_error^2 times its weight by
    age, or 0 if it is rejected or expired. If valid appraisals differ too much, all have weight 0. Raises InvalidInput
    for a model value or log error that is not positive, or a negative appraisal or age.
    """
    for name, number in (("modelled", modelled), ("model_log_error", model_log_error), ("log_error", log_error)):
        if not number > 0.0:
            raise InvalidInput(name, number, "more than 0")
    amounts, age = np.asarray(appraised, dtype=np.float64), np.asarray(age_days, dtype=np.float64)
    bands, expired = deviation_band(amounts, modelled), age > VALID_DAYS
    apart = too_far_apart(amounts[~expired & (amounts > 0.0)].tolist())
    weight = np.where((bands == Band.REJECTED) | expired | apart, 0.0, weight_by_age(age) / log_error**2)
    own = 1.0 / model_log_error**2
    counted = weight > 0.0
    logs = own * np.log(modelled) + float(np.sum(weight[counted] * np.log(amounts[counted])))
    value = float(np.exp(logs / (own + float(np.sum(weight)))))
    shares = weight / (own + float(np.sum(weight)))
    return ReconciledEstimate(
        value, tuple(Band(band) for band in bands.tolist()), apart, tuple(expired.tolist()), tuple(shares.tolist())
    )


@dataclass(frozen=True)
class AppraiserRecord:
    """Track record of one appraiser against realised prices.

    ``bias`` is the mean of log(appraisal / price), and ``error`` is the standard deviation about that mean. Both are
    weighted by the age of the appraisal on the day of sale. Both are NaN for fewer than BACKTEST_SALES_LEAST sales.
    ``flagged`` is true if the absolute bias exceeds BIAS_LIMIT.
    """

    appraiser: str
    sales: int
    bias: float
    error: float
    flagged: bool


def backtest_appraisers(appraiser: Texts, appraised: Float, realised: Float, age_days: Float) -> list[AppraiserRecord]:
    """Returns the record of each appraiser over sales [n], sorted by name.

    ``age_days`` [n] are the ages of the appraisals on the day of sale. Raises InvalidInput for an amount that is not
    positive or a negative age.
    """
    for name, column in (("appraised", appraised), ("realised", realised)):
        require(name, column, column > 0.0, "more than 0")
    error, weight = np.log(appraised) - np.log(realised), weight_by_age(age_days)
    names = appraiser.astype(str)
    return [_record(str(name), error[names == name], weight[names == name]) for name in np.unique(names)]


def _record(name: str, error: Float, weight: Float) -> AppraiserRecord:
    count = len(error)
    if count < BACKTEST_SALES_LEAST:
        return AppraiserRecord(name, count, float("nan"), float("nan"), flagged=False)
    bias = float(np.average(error, weights=weight))
    spread = float(np.sqrt(np.average((error - bias) ** 2, weights=weight) * count / (count - 1)))
    return AppraiserRecord(name, count, bias, spread, flagged=abs(bias) > BIAS_LIMIT)
