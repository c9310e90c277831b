"""Dated prices to the log returns that a haircut is simulated from, with what was found on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Dates, Float, Int
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.prices.jumps import JUMP_LOG_MOVE
from valuation.prices.unit_factors import is_unit_factor

ZERO_SHARE_LIMIT = 0.20
"""More unchanged quotes than this mean a stepwise series; exchange holidays alone give 3 to 5 %."""

AUTOCORRELATION_LIMIT = 0.15
"""First autocorrelation beyond this means smoothed quotes; three standard errors of 500 independent returns."""

BREAK_LOG_MOVE = 1.0
"""A move by a factor of e is a level break, and so is one by the factor of a unit: before it is another series."""

SPACING_GAPS = 60
"""Gaps whose median is the step of their time: a quarter of a year of days, and enough that a holiday is no step."""

GAP_TO_MEDIAN = 3.0
"""A gap is longer than so many usual steps."""

ROUNDING = 1e-12
"""Share of the sum of squares below which deviations from the mean are rounding."""


@dataclass(frozen=True)
class Returns:
    """Log returns [m] a step apart, oldest first; those of a time with another step are scaled to it.

    ``step_days`` is business days a step of the newest quotes, ``observations`` the prices behind them, ``smoothing``
    the coefficient that was taken out, 0 for none, ``unchanged_share`` the share of quotes equal to the one before,
    ``hidden_gap`` how far the true price is from the last quote, in logs, ``moves`` the quotes that differ from the one
    before.
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
    """The newest ``window`` log returns of a series [n], since its last level break, unsmoothed where smoothed.

    A series is taken at the median step of its newest quotes; a move over another step is scaled by the root of time,
    so that weeks before days look no wilder, and days before months no calmer. Raises InvalidInput for prices that are
    not positive and finite, dates that do not increase, or columns of different length.
    """
    days = dates.astype("datetime64[D]")
    _check(days, prices)
    return _described(*_since_break(days[-window - 1 :], np.diff(np.log(prices[-window - 1 :]))))


def price_moves(dates: Dates, prices: Float, window: int) -> Returns:
    """The newest ``window`` differences of prices that may be 0 or less, unsmoothed where smoothed.

    There are no level breaks: a difference has no unit to break. Raises InvalidInput as ``log_returns`` does, but for
    the sign.
    """
    days = dates.astype("datetime64[D]")
    _check_columns(days, prices)
    if not np.isfinite(prices).all():
        raise InvalidInput("price", float(prices[~np.isfinite(prices)][0]), "finite")
    return _described(days[-window - 1 :], np.diff(prices[-window - 1 :]), QualityFlag.NONE)


def _described(days: Dates, values: Float, flags: QualityFlag) -> Returns:
    """Moves between the days with their step, their flags, and smoothing taken out."""
    if not len(values):
        return Returns(values, 1, len(days), 0.0, flags)
    steps, spacing = _spacing(days)
    step = int(steps[-1])
    values = values if (steps == step).all() else values * np.sqrt(step / steps)
    flags |= spacing
    if _even(values) and (len(values) > 1 or not values.any()):
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
    """Business days of the usual step of dates [n], at least one."""
    return max(int(np.median(np.busday_count(dates[:-1], dates[1:]))), 1) if len(dates) > 1 else 1


def level_breaks(values: Float) -> NDArray[np.int64]:
    """Places of log returns [n] at which another series begins: beyond a factor e, or by the factor of a unit."""
    large = np.flatnonzero(np.abs(values) > JUMP_LOG_MOVE)
    return large[(np.abs(values[large]) > BREAK_LOG_MOVE) | is_unit_factor(values[large], 0.0)]


def unsmoothed(returns: Float, smoothing: float) -> Float:
    """R*_t = (R_t - a R_{t-1}) / (1 - a), the inverse of R_t = (1 - a) R*_t + a R_{t-1}; the first is left as it is.

    Geltner 1991, doi 10.1007/BF00161933. Raises InvalidInput for a smoothing outside [0, 1).
    """
    if not 0.0 <= smoothing < 1.0:
        raise InvalidInput("smoothing", smoothing, "0 or more and less than 1")
    true = returns.copy()
    true[1:] = (returns[1:] - smoothing * returns[:-1]) / (1.0 - smoothing)
    return true


def unsmoothed_sd_ratio(smoothing: float) -> float:
    """Spread of true returns over that of smoothed ones: sqrt(1 - a^2) / (1 - a) for independent true returns."""
    return float(np.sqrt(1.0 - smoothing**2) / (1.0 - smoothing))


def hidden_gap(last_return: float, smoothing: float) -> float:
    """Log P* - log P = a / (1 - a) R_t: how far the true price is from the smoothed quote."""
    return smoothing / (1.0 - smoothing) * last_return


def true_value_share(gap: float) -> float:
    """What a smoothed quote is multiplied by to be a value: exp(hidden gap) after a fall, 1 after a rise.

    A rise that has not reached the quotes is a forecast, and a forecast secures no loan.
    """
    return float(np.exp(min(gap, 0.0)))


def first_autocorrelation(values: Float) -> float:
    """Correlation of each return with the one before it; 0 where they do not vary."""
    if _even(values):
        return 0.0
    centred = values - values.mean()
    return float(np.sum(centred[1:] * centred[:-1])) / float(np.sum(centred**2))


def _even(values: Float) -> bool:
    """Whether returns do not vary: a price that stands still, or one that a formula carries on."""
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
        raise InvalidInput("dates", "not increasing", "each later than the one before")


def _since_break(days: Dates, values: Float) -> tuple[Dates, Float, QualityFlag]:
    broken = level_breaks(values)
    if not len(broken):
        return days, values, QualityFlag.NONE
    after = int(broken[-1]) + 1
    return days[after:], values[after:], QualityFlag.LEVEL_BREAK


def _spacing(days: Dates) -> tuple[Int, QualityFlag]:
    """Business days of the usual step at each gap [n - 1], whole and rounded down, so that no horizon gets too few.

    The usual step is the median of ``SPACING_GAPS`` gaps, counted from the newest; the oldest, fewer than that, belong
    to those after them. And the flags of the spacing.
    """
    gaps = np.busday_count(days[:-1], days[1:])
    blocks = max(len(gaps) // SPACING_GAPS, 1)
    rest = len(gaps) - blocks * SPACING_GAPS if len(gaps) >= SPACING_GAPS else 0
    usual = np.maximum(np.median(gaps[rest:].reshape(blocks, -1), axis=1).astype(np.int64), 1)
    steps = np.repeat(usual, len(gaps[rest:]) // blocks)
    steps = np.concatenate([np.full(rest, steps[0]), steps])
    flags = QualityFlag.IRREGULAR_DATES if (steps > 1).any() else QualityFlag.NONE
    return steps, flags | (QualityFlag.GAPS if (gaps > GAP_TO_MEDIAN * steps).any() else QualityFlag.NONE)
