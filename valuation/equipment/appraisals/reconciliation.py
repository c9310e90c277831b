"""Appraisals by people beside the model: how far apart, whom to believe how far, and for how long.

An appraisal loses weight with age, as the market moves on without it. The deviation of an appraisal from the model
falls into a band; two that stand too far apart must be made anew. Realised sales tell how far to trust each appraiser.
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
"""Bands of the deviation from the model: up to the first is accepted, up to the second looked at, beyond it refused."""

APART_LIMIT = 0.15
"""Two appraisals further apart, of the lower, must be made anew."""

RATIO_DIGITS = 9
"""Decimals of a ratio that count, so that a fifth is a fifth whichever way it was computed."""

HALF_LIFE_DAYS = 365.0
"""Age at which an appraisal has half its weight."""

VALID_DAYS = 180.0
"""Age beyond which an appraisal no longer stands on its own."""

APPRAISAL_LOG_ERROR = float(np.log1p(FLAGGED_DEVIATION) / ndtri(0.9))
"""Standard deviation of the log of an appraisal about the value: four in five lie within the first band (expert)."""

BACKTEST_SALES_LEAST = 5
"""Fewer realised sales say nothing of an appraiser."""

BIAS_LIMIT = 0.10
"""Mean log of appraisal over price beyond which an appraiser is flagged."""


class AppraisalBasis(IntEnum):
    """Basis of value that an appraisal states; the numbers are stored."""

    FMV = 1
    OLV = 2
    FLV = 3
    NOLV = 4


class Band(IntEnum):
    """Where the deviation of an appraisal from the model falls; the numbers are stored."""

    ACCEPTED = 1
    FLAGGED = 2
    REJECTED = 3


def deviation_band(appraised: ArrayLike, modelled: ArrayLike) -> NDArray[np.int8]:
    """The Band of each appraisal [n] against the model's value on the same basis.

    Raises InvalidInput for an appraisal that is negative or a modelled value that is not more than 0.
    """
    amount, model = np.asarray(appraised, dtype=np.float64), np.asarray(modelled, dtype=np.float64)
    require("appraised", amount, amount >= 0.0, "0 or more")
    require("modelled", model, model > 0.0, "more than 0")
    deviation = np.round(np.abs(amount / model - 1.0), RATIO_DIGITS)
    band = np.where(deviation > FLAGGED_DEVIATION, Band.FLAGGED, Band.ACCEPTED)
    return np.where(deviation > REJECTED_DEVIATION, Band.REJECTED, band).astype(np.int8)


def too_far_apart(appraised: Sequence[float]) -> bool:
    """Whether the highest of several appraisals on one basis exceeds the lowest by more than APART_LIMIT of it.

    Raises InvalidInput for an appraisal that is not more than 0.
    """
    amounts = np.asarray(appraised, dtype=np.float64)
    require("appraised", amounts, amounts > 0.0, "more than 0")
    return len(amounts) > 1 and bool(np.round(amounts.max() / amounts.min() - 1.0, RATIO_DIGITS) > APART_LIMIT)


def weight_by_age(age_days: ArrayLike) -> Float:
    """Weight of an appraisal [n] of an age: 1 on its day, halved every HALF_LIFE_DAYS.

    Raises InvalidInput for an age below 0: an appraisal of tomorrow is none.
    """
    age = np.asarray(age_days, dtype=np.float64)
    require("age_days", age, age >= 0.0, "0 or more")
    return np.asarray(np.exp2(-age / HALF_LIFE_DAYS), dtype=np.float64)


@dataclass(frozen=True)
class ReconciledEstimate:
    """A value from model and appraisals: never above what both together carry, with what was found on the way.

    ``shares`` says how much of the value each appraisal carries, the model the rest.
    """

    value: float
    bands: tuple[Band, ...]
    apart: bool
    expired: tuple[bool, ...]
    shares: tuple[float, ...]


def reconcile(
    modelled: float, model_log_error: float, appraised: Sequence[float], age_days: Sequence[float], log_error: float
) -> ReconciledEstimate:
    """The model's value and appraisals on one basis as one value, in logs, each weighted by how well it is known.

    The weight of the model is the inverse of its squared log error, that of an appraisal the same times its weight by
    age; one that is refused or expired has none. Where appraisals stand too far apart none counts until they are made
    anew. Raises InvalidInput for a value or an error that is not more than 0.
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
    """How one appraiser's values stood against prices: ``bias`` is the mean log of appraisal over price.

    ``error`` is the standard deviation about it; ``flagged`` says that the bias is beyond BIAS_LIMIT. Each sale counts
    by the weight that age had left to its appraisal. Both are NaN for fewer than BACKTEST_SALES_LEAST sales.
    """

    appraiser: str
    sales: int
    bias: float
    error: float
    flagged: bool


def backtest_appraisers(appraiser: Texts, appraised: Float, realised: Float, age_days: Float) -> list[AppraiserRecord]:
    """The record of each appraiser over sales [n], by name; ages are those of the appraisals on the day of sale.

    Raises InvalidInput for an amount that is not positive, or an appraisal of after the sale.
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
