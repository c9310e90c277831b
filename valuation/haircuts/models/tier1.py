"""Tier 1: haircut of a price series by simulation, without parameter fitting.

The model is filtered historical simulation on EWMA variance (Barone-Adesi, Giannopoulos and Vosper 1999, doi
10.1002/(SICI)1096-9934(199908)19:5<583::AID-FUT5>3.0.CO;2-S). The start variance is floored at the mean square of the
window, because unfloored quantiles are exceeded too often after calm days (docs/models/tier1-price-haircut.md).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from valuation._typing import Dates, Float, Int
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.monitoring.model_monitor import UNWATCHED, Watch
from valuation.prices.returns import Returns, log_returns
from valuation.statistics.simulation import LossOf, Tails, filtered, log_loss, simulated_tails

MODEL = "tier1-ewma-fhs"
VERSION = "1"

LONGEST_HORIZON = 2500
"""Largest horizon in business days, ten years; a simulation needs memory for each day of each path."""

UNSMOOTHED_LIMIT = 0.90
"""Smoothing coefficient from which there is no estimate: unsmoothing would multiply the volatility by more than 4.4."""


@dataclass(frozen=True)
class Tier1Settings:
    """Settings of the simulation; docs/models/tier1-price-haircut.md justifies the defaults.

    Attributes:
        decay: decay of the EWMA variance; 0.97 is the RiskMetrics value for monthly horizons (Technical Document 1996).
        window: number of newest returns used.
        paths: number of simulated paths; more paths reduce the dependence of long-horizon quantiles on the seed.
        least_observations: fewest prices for an estimate; with fewer, a 1 % tail is not meaningful.
        full_observations: number of prices, one year, below which the curve has the flag SHORT_HISTORY.
    """

    decay: float = 0.97
    window: int = 500
    paths: int = 20_000
    least_observations: int = 60
    full_observations: int = 250

    def __post_init__(self) -> None:
        """Raises InvalidInput for settings that cannot be simulated."""
        if not 0.0 < self.decay < 1.0:
            raise InvalidInput("decay", self.decay, "more than 0 and less than 1")
        for name in ("window", "paths", "least_observations"):
            if getattr(self, name) < 2:
                raise InvalidInput(name, getattr(self, name), "2 or more")


DEFAULT = Tier1Settings()


@dataclass(frozen=True)
class HaircutCurve(Tails):
    """Losses at horizons 1..H business days; all NaN if the model gives no estimate.

    - ``loss`` is 1 - exp(q), where q is the log-return quantile; it never decreases with the horizon.
    - ``expected_shortfall`` is the mean loss beyond the quantile.
    - ``standard_error`` and ``shortfall_error`` are the simulation errors of ``loss`` and ``expected_shortfall``.
    - ``path_minimum`` and ``path_shortfall`` are loss and shortfall of a sale on the worst day of the path.
    - ``daily_volatility`` is the root mean square log return of a business day.
    - ``hidden_gap`` is the log of the true price over a smoothed last quote.
    - ``observations`` is the number of prices used.
    - ``watch`` is the monitoring result of the model on the series, whose multiplier is included in the losses.
    """

    horizon_days: Int
    daily_volatility: float
    hidden_gap: float
    observations: int
    flags: QualityFlag
    watch: Watch = UNWATCHED


def seed_for(series: str, date: np.datetime64, model_version: str) -> int:
    """Derives a seed from series, date and model version, so that equal inputs give equal results on every machine."""
    digest = hashlib.sha256(f"{series}|{date}|{model_version}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def tier1(
    dates: Dates,
    prices: Float,
    *,
    max_horizon_days: int,
    confidence: float,
    seed: int,
    settings: Tier1Settings = DEFAULT,
) -> HaircutCurve:
    """Computes the haircut curve of a series of dated prices [n], in date order.

    The curve is NaN for a short history, a price that never moves, or excessive smoothing; a flag states the reason.
    Raises InvalidInput for a confidence outside (0.5, 1), a horizon below 1 day, prices that are not positive, or dates
    that do not increase.
    """
    require_valid_request(max_horizon_days, confidence)
    returns = log_returns(dates, prices, settings.window)
    return simulated_curve(returns, max_horizon_days, confidence, seed, settings, log_loss)


def require_valid_request(horizon_days: int, confidence: float, name: str = "max_horizon_days") -> None:
    """Raises InvalidInput for a confidence outside (0.5, 1), or a horizon that is no whole number of days.

    ``name`` is the name of the horizon in the error.
    """
    if not isinstance(confidence, float | np.floating) or not 0.5 < confidence < 1.0:
        raise InvalidInput("confidence", repr(confidence), "more than 0.5 and less than 1, a float")
    whole = isinstance(horizon_days, int | np.integer) and not isinstance(horizon_days, bool)
    if not whole or not 1 <= horizon_days <= LONGEST_HORIZON:
        raise InvalidInput(name, repr(horizon_days), f"1 to {LONGEST_HORIZON}, a whole number")


def simulated_curve(
    returns: Returns, max_horizon_days: int, confidence: float, seed: int, settings: Tier1Settings, loss_of: LossOf
) -> HaircutCurve:
    """Simulates moves in steps of the series; a horizon that ends within a step uses the whole step.

    The curve is NaN for a short history, excessive smoothing, or constant returns; a flag states the reason.
    """
    short = returns.observations < settings.full_observations
    flags = returns.flags | (QualityFlag.SHORT_HISTORY if short else QualityFlag.NONE)
    if returns.observations < settings.least_observations or returns.smoothing >= UNSMOOTHED_LIMIT:
        return no_opinion(max_horizon_days, returns.observations, flags)
    start = filtered(returns.values, settings.decay)
    if start is None:
        return no_opinion(max_horizon_days, returns.observations, flags | QualityFlag.STALE_SERIES)
    days = np.arange(1, max_horizon_days + 1, dtype=np.int64)
    step = -(-days // returns.step_days) - 1
    tails = simulated_tails(
        start,
        decay=settings.decay,
        steps=int(step[-1]) + 1,
        confidence=confidence,
        paths=settings.paths,
        seed=seed,
        loss_of=loss_of,
    )
    return HaircutCurve(
        horizon_days=days,
        **{name: column[step] for name, column in vars(tails).items()},
        daily_volatility=float(np.sqrt(np.mean(returns.values**2) / returns.step_days)),
        hidden_gap=returns.hidden_gap,
        observations=returns.observations,
        flags=flags | (QualityFlag.VARIANCE_FLOOR if start.floor_binds else QualityFlag.NONE),
    )


def no_opinion(max_horizon_days: int, observations: int, flags: QualityFlag) -> HaircutCurve:
    """Returns a curve of NaN with the flags that state the reason."""
    nothing = np.full(max_horizon_days, np.nan)
    days = np.arange(1, max_horizon_days + 1, dtype=np.int64)
    return HaircutCurve(*(nothing,) * 6, days, float("nan"), 0.0, observations, flags)
