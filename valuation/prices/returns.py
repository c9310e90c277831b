"""Computes log returns of dated prices for the haircut models, without smoothing and with quality flags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Dates, Float, Int
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.prices.jumps import JUMP_LOG_MOVE
from valuation.prices.unit_factors import is_unit_factor

ZERO_SHARE_LIMIT = 0.20
"""Share of unchanged quotes above which a series is stepwise; exchange holidays alone cause 3 to 5 %."""

AUTOCORRELATION_LIMIT = 0.15
"""First autocorrelation above which quotes are smoothed: three standard errors of 500 independent returns."""

BREAK_LOG_MOVE = 1.0
"""Log move beyond which the level breaks, and the prices before it belong to another series."""

SPACING_GAPS = 60
"""Number of gaps whose median is the step of their period. For daily quotes they cover about a quarter of a year, so
that holidays do not affect the median."""

GAP_TO_MEDIAN = 3.0
"""Multiple of the usual step beyond which a space between quotes is a gap."""

ROUNDING = 1e-12
"""Share of the sum of squares below which deviations from the mean are rounding errors."""


@dataclass(frozen=True)
class Returns:
    """Log returns [m] over one step each, oldest first; returns over a different step are scaled to this step.

    ``step_days`` is the step of the newest quotes in business days. ``observations`` counts the prices used.
    ``smoothing`` is the smoothing coefficient that was removed, 0 for none. ``unchanged_share`` is the share of quotes
    that equal the previous quote, and ``moves`` is the number of quotes that differ from the previous quote.
    ``hidden_gap`` is the log of the estimated true price divided by the last quote.
    """

    values: Float
    step_days: int
    observations: int
    smoothing: float
    flags: QualityFlag
    unchanged_share: float = 0.0
    hidden_gap: float = 0.0
    moves: int = 0


def log_returns(dates: Dates, prices: Float, window: int) -> Returns:
    """Returns the newest ``window`` log returns of a series [n] since its last level break, with smoothing removed.

    The step is the median step of the newest quotes. A return over a different step is scaled by the square root of
    time, so that a series that changed from weekly to daily quotes, or from daily to monthly, keeps its daily variance.
    Raises InvalidInput for prices that are not positive and finite, dates that do not increase, or columns of
    different length.
    """
    days = dates.astype("datetime64[D]")
    _check(days, prices)
    return _with_properties(*_since_break(days[-window - 1 :], np.diff(np.log(prices[-window - 1 :]))))


def price_moves(dates: Dates, prices: Float, window: int) -> Returns:
    """Returns the newest ``window`` differences of prices that may be 0 or less, with smoothing removed.

    Level breaks are not detected, because differences have no scale to compare with. Raises InvalidInput as
    ``log_returns`` does, except that prices need not be positive.
    """
    days = dates.astype("datetime64[D]")
    _check_columns(days, prices)
    if not np.isfinite(prices).all():
        raise InvalidInput("price", float(prices[~np.isfinite(prices)][0]), "finite")
    return _with_properties(days[-window - 1 :], np.diff(prices[-window - 1 :]), QualityFlag.NONE)


def _with_properties(days: Dates, values: Float, flags: QualityFlag) -> Returns:
    """Scales the moves between the days to one step, removes smoothing, and adds the step and the quality flags."""
    if not len(values):
        return Returns(values, 1, len(days), 0.0, flags)
    steps, spacing = _spacing(days)
    step = int(steps[-1])
    values = values if (steps == step).all() else values * np.sqrt(step / steps)
    flags |= spacing
    if _is_constant(values) and (len(values) > 1 or not values.any()):
        return Returns(values, step, len(days), 0.0, flags | QualityFlag.STALE_SERIES)
    moves = int(np.count_nonzero(values))
    smoothing, unchanged = first_autocorrelation(values), 1.0 - moves / len(values)
    if smoothing <= AUTOCORRELATION_LIMIT and unchanged <= ZERO_SHARE_LIMIT:
        return Returns(values, step, len(days), 0.0, flags, unchanged, moves=moves)
    smoothing = max(smoothing, 0.0)
    true = unsmoothed(values, smoothing)[1:] if smoothing < 1.0 else values[1:]
    gap = hidden_gap(float(values[-1]), smoothing) if smoothing < 1.0 else 0.0
    return Returns(true, step, len(days), smoothing, flags | QualityFlag.SMOOTHED, unchanged, gap, moves)


def usual_step_days(dates: Dates) -> int:
    """Returns the median step between dates [n] in business days, at least 1."""
    return max(int(np.median(np.busday_count(dates[:-1], dates[1:]))), 1) if len(dates) > 1 else 1


def level_breaks(values: Float) -> Int:
    """Returns the indices of log returns [n] that are level breaks: moves beyond a factor of e, or by a unit factor."""
    large = np.flatnonzero(np.abs(values) > JUMP_LOG_MOVE)
    return large[(np.abs(values[large]) > BREAK_LOG_MOVE) | is_unit_factor(values[large], 0.0)]


def unsmoothed(returns: Float, smoothing: float) -> Float:
    """Removes smoothing: R*_t = (R_t - a R_{t-1}) / (1 - a), the inverse of R_t = (1 - a) R*_t + a R_{t-1}.

    The first return is unchanged. Source: Geltner 1991, doi 10.1007/BF00161933. Raises InvalidInput for a smoothing
    outside [0, 1).
    """
    if not 0.0 <= smoothing < 1.0:
        raise InvalidInput("smoothing", smoothing, "0 or more and less than 1")
    true = returns.copy()
    true[1:] = (returns[1:] - smoothing * returns[:-1]) / (1.0 - smoothing)
    return true


def unsmoothed_sd_ratio(smoothing: float) -> float:
    """Returns the standard deviation of true returns over that of smoothed returns.

    The ratio is sqrt(1 - a^2) / (1 - a) for independent true returns.
    """
    return float(np.sqrt(1.0 - smoothing**2) / (1.0 - smoothing))


def hidden_gap(last_return: float, smoothing: float) -> float:
    """Returns log P* - log P = a / (1 - a) R_t, the distance of the true price from the smoothed quote."""
    return smoothing / (1.0 - smoothing) * last_return


def true_value_share(gap: float) -> float:
    """Returns the factor that corrects a smoothed quote: exp(hidden gap) after a fall, 1 after a rise.

    A rise that is not yet in the quotes is a forecast, and forecasts are not used as collateral value.
    """
    return float(np.exp(min(gap, 0.0)))


def first_autocorrelation(values: Float) -> float:
    """Returns the correlation of each return with the previous one; 0 if the returns do not vary."""
    if _is_constant(values):
        return 0.0
    centred = values - values.mean()
    return float(np.sum(centred[1:] * centred[:-1])) / float(np.sum(centred**2))


def _is_constant(values: Float) -> bool:
    """Returns whether returns do not vary: the price stands still or follows a formula."""
    return float(np.sum((values - values.mean()) ** 2)) <= ROUNDING * float(np.sum(values**2))


def _check(days: Dates, prices: Float) -> None:
    _check_columns(days, prices)
    usable = np.isfinite(prices) & (prices > 0.0)
    if not usable.all():
        raise InvalidInput("price", float(prices[~usable][0]), "positive and finite")


def _check_columns(days: Dates, prices: Float) -> None:
    if days.shape != prices.shape:
        raise InvalidInput("prices", f"{len(prices)} for {len(days)} dates", "one for each date")
    if not (np.diff(days) > np.timedelta64(0, "D")).all():
        raise InvalidInput("dates", "not increasing", "each later than the previous one")


def _since_break(days: Dates, values: Float) -> tuple[Dates, Float, QualityFlag]:
    broken = level_breaks(values)
    if not len(broken):
        return days, values, QualityFlag.NONE
    after = int(broken[-1]) + 1
    return days[after:], values[after:], QualityFlag.LEVEL_BREAK


def _spacing(days: Dates) -> tuple[Int, QualityFlag]:
    """Returns the usual step [n - 1] in business days at each gap between dates, and the spacing flags.

    Gaps are divided into blocks of ``SPACING_GAPS``, counted from the newest gap. The usual step of a block is its
    median gap; an incomplete oldest block uses the step of the next block. Steps are rounded down, so that a horizon
    never gets too few steps.
    """
    gaps = np.busday_count(days[:-1], days[1:])
    blocks = max(len(gaps) // SPACING_GAPS, 1)
    rest = len(gaps) - blocks * SPACING_GAPS if len(gaps) >= SPACING_GAPS else 0
    usual = np.maximum(np.median(gaps[rest:].reshape(blocks, -1), axis=1).astype(np.int64), 1)
    steps = np.repeat(usual, len(gaps[rest:]) // blocks)
    steps = np.concatenate([np.full(rest, steps[0]), steps])
    flags = QualityFlag.IRREGULAR_DATES if (steps > 1).any() else QualityFlag.NONE
    return steps, flags | (QualityFlag.GAPS if (gaps > GAP_TO_MEDIAN * steps).any() else QualityFlag.NONE)
