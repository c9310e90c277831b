"""Computes log returns of dated prices for the haircut models, without smoothing and with quality flags."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from valuation._typing import Bool, Dates, Float, Int
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.prices.jumps import JUMP_LOG_MOVE
from valuation.prices.unit_factors import is_unit_factor

ZERO_SHARE_LIMIT = 0.20
"""Share of unchanged quotes above which a series is stepwise; exchange holidays alone cause 3 to 5 %."""

AUTOCORRELATION_LIMIT = 0.15
CHANCE_ERRORS = 3.0
AVERAGE_AUTOCORRELATION = 0.25
"""First autocorrelation above which quotes are smoothed: three standard errors of 500 independent returns; the number
of standard errors; and the first autocorrelation of averages over the step."""

BREAK_LOG_MOVE = 1.0
"""Log move beyond which the level breaks, and the prices before it belong to another series."""

SPACING_GAPS = 60
"""Number of gaps whose median is the step of their period. For daily quotes they cover about a quarter of a year, so
that holidays do not affect the median."""

STEP_TOLERANCE = 0.2
REGULAR_SHARE = 0.8
"""Relative difference up to which gaps are one step, and the share of such gaps that makes dates regular."""

GAP_TO_MEDIAN = 3.0
"""Multiple of the usual step beyond which a space between quotes is a gap."""

ROUNDING = 1e-12
"""Share of the sum of squares below which deviations from the mean are rounding errors."""


@dataclass(frozen=True)
class Carry:
    """Autocorrelations of quoted returns: ``first`` at one step, each later one ``decay`` times the one before."""

    first: float
    decay: float

    def variance(self, steps: Float) -> Float:
        """Returns the variance over numbers of steps [n], 1 or more each, in variances of one step."""
        rest = 1.0 - self.decay
        weights = (steps * rest - (1.0 - self.decay**steps)) / rest**2
        return np.asarray(steps + 2.0 * self.first * weights, dtype=np.float64)

    def inflation(self, decays: Float) -> Float:
        """Returns the variance of exponentially weighted means with decays [n], in those of independent returns."""
        return np.asarray(1.0 + 2.0 * self.first * decays / (1.0 - self.decay * decays), dtype=np.float64)

    def hidden_gap(self, last_return: float) -> float:
        """Returns the distance of the true log price from the smoothed quote: the sum of the returns still expected.

        For an appraisal it is a / (1 - a) R_t (Geltner 1991).
        """
        return self.first / (1.0 - self.decay) * last_return


NO_CARRY = Carry(0.0, 0.0)


@dataclass(frozen=True)
class Returns:
    """Log returns [m] over one step each, oldest first; returns over a different step are scaled to this step.

    ``step_days`` is the step of the newest quotes in business days. ``observations`` counts the prices used.
    ``smoothing`` is the smoothing coefficient that was removed, 0 for none. ``unchanged_share`` is the share of quotes
    that equal the previous quote, and ``moves`` is the number of quotes that differ from the previous quote.
    ``hidden_gap`` is the log of the estimated true price divided by the last quote.

    ``paced`` are the returns from which the variance over several steps is derived, and ``carry`` is the
    autocorrelation that they have: the returns as quoted for steps longer than a day, and ``values`` for daily quotes.
    """

    values: Float
    step_days: int
    observations: int
    smoothing: float
    flags: QualityFlag
    unchanged_share: float = 0.0
    hidden_gap: float = 0.0
    moves: int = 0
    paced: Float = field(default_factory=lambda: np.zeros(0))
    carry: Carry = NO_CARRY


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
    quoted = values if _same_step(steps, step).all() else values * np.sqrt(step / steps)
    flags |= spacing
    if _is_constant(quoted) and (len(quoted) > 1 or not quoted.any()):
        return Returns(quoted, step, len(days), 0.0, flags | QualityFlag.STALE_SERIES, paced=quoted)
    moves = int(np.count_nonzero(quoted))
    unchanged, smoothing = 1.0 - moves / len(quoted), max(first_autocorrelation(quoted), 0.0)
    carry = _carry(smoothing, step)
    if smoothing <= _autocorrelation_limit(len(quoted), step) and unchanged <= ZERO_SHARE_LIMIT:
        kept = carry if step > 1 else NO_CARRY
        return Returns(quoted, step, len(days), 0.0, flags, unchanged, moves=moves, paced=quoted, carry=kept)
    flags |= QualityFlag.SMOOTHED
    true, gap = unsmoothed(quoted, smoothing)[1:], carry.hidden_gap(float(quoted[-1]))
    paced, kept = (quoted, carry) if step > 1 else (true, NO_CARRY)
    return Returns(true, step, len(days), smoothing, flags, unchanged, gap, moves, paced, kept)


def _carry(first: float, step_days: int) -> Carry:
    """Returns the autocorrelations of quotes from the first one.

    A daily quote is a price of its day or an appraisal, whose autocorrelations decay geometrically (Geltner). A quote
    over a longer step may be the average of the step, whose first autocorrelation is 1/4 and whose later ones are 0
    (H. Working, Econometrica 28 (1960), doi 10.2307/1907574); only what exceeds 1/4 is appraisal.
    """
    if step_days == 1:
        return Carry(first, first)
    return Carry(first, max((first - AVERAGE_AUTOCORRELATION) / (1.0 - AVERAGE_AUTOCORRELATION), 0.0))


def _autocorrelation_limit(count: int, step_days: int) -> float:
    """Returns the autocorrelation above which quotes count as smoothed.

    Quotes over longer steps are few, so that independent returns often exceed the limit of daily quotes by chance.
    """
    return AUTOCORRELATION_LIMIT if step_days == 1 else max(AUTOCORRELATION_LIMIT, CHANCE_ERRORS / math.sqrt(count))


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
    regular = _same_step(steps, int(steps[-1])).all() and _same_step(gaps, steps).mean() >= REGULAR_SHARE
    flags = QualityFlag.NONE if regular else QualityFlag.IRREGULAR_DATES
    flags |= QualityFlag.COARSE_QUOTES if steps[-1] > 1 else QualityFlag.NONE
    return steps, flags | (QualityFlag.GAPS if (gaps > GAP_TO_MEDIAN * steps).any() else QualityFlag.NONE)


def _same_step(gaps: Int, step: Int | int) -> Bool:
    """Returns whether gaps equal a step up to weekends and the lengths of months, of 20 to 23 business days."""
    return np.asarray(np.abs(gaps - step) <= STEP_TOLERANCE * step)
