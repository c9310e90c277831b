"""The market part of a haircut: the loss from falls of the price and the exchange rate until the sale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.book.policy import WEEKMASK
from collateral_registry.domain.prices.market_data import Estimate
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Float, Int
from valuation.flags import QualityFlag
from valuation.prices.returns import true_value_share

STAND_IN_MARKET = 1 << 1
"""Bit of the market part in ``stand_ins``; bits 0 to 4 are the haircut parts in order."""


@dataclass(frozen=True)
class CurveUse:
    """A haircut curve and the rows that use it; it is of a price series, or of an exchange rate alone."""

    estimate: Estimate
    is_of_series: bool
    rows: Int


@dataclass(frozen=True)
class MarketInputs:
    """What the market part of values [t] is computed from.

    ``priced`` marks values by a price series, ``foreign`` values that are converted. ``policy_loss`` is the policy's
    market haircut, and ``rate_loss`` the loss from the exchange rate alone, NaN without an estimate.
    """

    priced: NDArray[np.bool_]
    foreign: NDArray[np.bool_]
    horizon_days: Int
    policy_loss: Float
    rate_loss: Float


@dataclass(frozen=True)
class MarketPart:
    """The market part [t] and what the curves state besides the loss.

    ``true_share`` is the ratio of the true price to a smoothed quote. ``supported`` is the supported price in the
    currency of the value, NaN without a curve.
    """

    loss: Float
    true_share: Float
    supported: Float
    estimate_key: Int
    horizon_days: Int
    stand_ins: Int
    quality: Int


def market_part(inputs: MarketInputs, curves: Sequence[CurveUse]) -> MarketPart:
    """Returns the loss [t] from falls of the price and the exchange rate until the sale.

    Where a curve gives no estimate, the policy's loss replaces the loss from the price, or the loss by the series' own
    history if that is deeper.
    """
    horizon, count = inputs.horizon_days, len(inputs.horizon_days)
    loss, own_loss, supported = (np.full(count, np.nan) for _ in range(3))
    true_share = np.ones(count)
    estimate_key, quality = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for one in curves:
        estimate, rows = one.estimate, one.rows
        loss[rows] = loss_at(estimate.loss, horizon[rows])
        supported[rows] = estimate.supported_price
        if len(estimate.own_loss):
            own_loss[rows] = loss_at(estimate.own_loss, horizon[rows])
        estimate_key[rows] = estimate.estimate_key
        if one.is_of_series:
            true_share[rows] = true_value_share(estimate.hidden_gap)
        beyond = np.where(horizon[rows] > len(estimate.loss), int(QualityFlag.EXTRAPOLATED_HORIZON), 0)
        quality[rows] = estimate.flags | beyond
    priced, foreign, policy_loss = inputs.priced, inputs.foreign, inputs.policy_loss
    stand_in = (priced | foreign) & np.isnan(loss)
    # Assets without a price series lose by the policy and, in a foreign currency, by the curve of the exchange rate.
    unpriced = 1.0 - (1.0 - policy_loss) * (1.0 - np.where(foreign, loss, 0.0))
    stood_in = 1.0 - (1.0 - policy_loss) * (1.0 - np.nan_to_num(inputs.rate_loss))
    stood_in = np.where(own_loss > stood_in, own_loss, stood_in)
    part = np.where(priced, np.where(np.isnan(loss), stood_in, loss), np.where(stand_in, np.nan, unpriced))
    stand_ins = np.where(priced & stand_in & ~np.isnan(part), STAND_IN_MARKET, 0)
    quality |= np.where(stand_ins != 0, int(QualityFlag.STAND_IN_PART), 0)
    return MarketPart(part, true_share, supported, estimate_key, horizon, stand_ins, quality)


def loss_at(loss: Float, horizon_days: Int) -> Float:
    """Returns the loss of a curve [H] at horizons [n] in business days.

    Beyond the end of the curve, log losses grow with the square root of time.
    """
    last = len(loss)
    inside = loss[np.clip(horizon_days, 1, last) - 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = -np.expm1(np.log1p(-inside) * np.sqrt(np.maximum(horizon_days, last) / last))
    return np.where(horizon_days > last, beyond, inside)


def planned_days(numbers: Mapping[str, Float]) -> Int:
    """Returns the business days [n] until a sale at the newest price: liquidation, cure and revaluation interval."""
    planned = numbers["liquidation_days"] + numbers["cure_days"] + numbers["revaluation_days"] - 1
    return np.nan_to_num(planned).astype(np.int64)


def price_age(price_day: Int, day: int) -> Int:
    """Returns the business days [n] from the day of each price to a day; 0 without a price."""
    days = np.where(price_day == NO_DAY, day, np.minimum(price_day, day))
    distinct, row = np.unique(days, return_inverse=True)
    age = np.busday_count(distinct.astype("datetime64[D]"), np.datetime64(day, "D"), weekmask=WEEKMASK)
    return age[row].astype(np.int64)
