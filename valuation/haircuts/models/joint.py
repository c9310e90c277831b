"""Joint haircut of price and exchange rate, for a loan whose currency differs from the currency of the price.

Both are simulated by filtered historical simulation, as in Tier 1 (Barone-Adesi, Giannopoulos and Vosper 1999). The
residuals of both are drawn on the same dates, which preserves their dependence without modelling it. The loss is the
loss of the product price x rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Dates
from valuation.flags import QualityFlag
from valuation.haircuts.models.own_history import floor_of_series
from valuation.haircuts.models.price_haircut import PriceHaircut
from valuation.haircuts.models.tier1 import DEFAULT, UNSMOOTHED_LIMIT, Tier1Settings, require_valid_request
from valuation.prices.cleaning import Cleaned, clean
from valuation.prices.price_adjustment import adjustment_flag, adjustment_of_last
from valuation.prices.returns import Returns, log_returns
from valuation.statistics.simulation import (
    Start,
    Tails,
    filtered,
    last_losses,
    log_loss,
    require_paths,
    simulated_sums,
    tails_of,
)

MODEL = "joint-ewma-fhs"
VERSION = "1"


@dataclass(frozen=True, kw_only=True)
class JointHaircut(PriceHaircut):
    """Share of the value in the loan's currency that is lost by the horizon; NaN if there is no estimate.

    ``price_alone`` and ``rate_alone`` are the losses of price and rate on their own. ``dates`` [m] are the dates with
    both quotes. ``daily_volatility`` and ``hidden_gap`` refer to the price. The haircut is never monitored, because
    price and rate have no joint record. The haircut has no fallback.
    """

    price_alone: float
    rate_alone: float
    dates: Dates
    cleaned_rates: Cleaned


def joint_haircut(
    prices: ArrayLike,
    dates: ArrayLike,
    rates: ArrayLike,
    rate_dates: ArrayLike,
    horizon_days: int,
    confidence: float = 0.99,
    *,
    seed: int = 0,
    settings: Tier1Settings = DEFAULT,
) -> JointHaircut:
    """Computes the haircut of dated quotes [n], converted with dated exchange rates [k].

    A rate is the number of units of the loan's currency for one unit of the quote's currency. Only days that have both
    a quote and a rate are used. Raises InvalidInput for a confidence outside (0.5, 1), a horizon below 1 day, or dates
    and numbers of different length.
    """
    require_valid_request(horizon_days, confidence, "horizon_days")
    require_paths(settings.paths, confidence)
    price, rate = _cleaned(prices, dates), _cleaned(rates, rate_dates)
    common, price_rows, rate_rows = np.intersect1d(price.dates, rate.dates, return_indices=True)
    columns = price.prices[price_rows], rate.prices[rate_rows]
    pair = [log_returns(common, column, settings.window) for column in columns]
    steps = -(-horizon_days // pair[0].step_days)
    starts = _starts(pair, settings)
    tails = [_tails(chosen, steps, confidence, seed, settings) for chosen in (starts, starts[:1], starts[1:])]
    converted = columns[0] * columns[1]
    adjusted = adjustment_of_last(common, converted)
    flags = pair[0].flags | pair[1].flags | QualityFlag.FX_CONVERTED | adjustment_flag(adjusted)
    if len(common) < settings.full_observations:
        flags |= QualityFlag.SHORT_HISTORY
    both, price_alone, rate_alone = tails
    return JointHaircut(
        **last_losses(both),
        price_alone=float(price_alone.loss[-1]),
        rate_alone=float(rate_alone.loss[-1]),
        class_floor=floor_of_series(float(both.loss[-1]), common, converted, horizon_days, confidence),
        daily_volatility=float(np.sqrt(np.mean(pair[0].values ** 2) / pair[0].step_days)) if starts else float("nan"),
        hidden_gap=pair[0].hidden_gap,
        price_adjustment=adjusted,
        observations=len(common),
        horizon_days=horizon_days,
        confidence=confidence,
        flags=flags,
        model=f"{MODEL}/{VERSION}",
        seed=seed,
        dates=common,
        cleaned=price,
        cleaned_rates=rate,
    )


def _cleaned(numbers: ArrayLike, dates: ArrayLike) -> Cleaned:
    return clean(dates, numbers)


def _starts(pair: list[Returns], settings: Tier1Settings) -> list[Start]:
    """Returns the starts of price and rate, with residuals on the same dates; empty if one of them has no estimate."""
    length = min(len(one.values) for one in pair)
    if length + 1 < settings.least_observations or max(one.smoothing for one in pair) >= UNSMOOTHED_LIMIT:
        return []
    starts = [filtered(one.values[-length:], settings.decay) for one in pair]
    known = [start for start in starts if start is not None]
    return known if len(known) == len(pair) else []


def _tails(starts: list[Start], steps: int, confidence: float, seed: int, settings: Tier1Settings) -> Tails:
    if not starts:
        return Tails(*[np.array([np.nan])] * 6)
    walk = simulated_sums(starts, decay=settings.decay, paths=settings.paths, seed=seed)
    return tails_of(walk, steps, 1.0 - confidence, log_loss)
