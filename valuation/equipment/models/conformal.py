"""Calibrates intervals on held-out later sales (split conformal prediction).

The distance of each held-out price from the median estimate is divided by the half width from the quantile trees. The
COVERAGE quantile of that ratio is the stretch, the factor that widens the intervals. The stretch of a category is
shrunk towards the stretch of all sales. If the model, family or class of a machine has no sales, its interval is
stretched further, and more so for each wider step. The market move during the held-out period is removed first. The
error of the market forecast grows with time and is added separately for the valuation date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from valuation._typing import Float, Int, Texts
from valuation.equipment.flags import Step
from valuation.equipment.models.market_index import market_index

LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
"""Quantile levels of an estimate."""

COVERAGE = HIGH - LOW
NORMAL_HALF_WIDTH = float(ndtri(HIGH))
"""Half width of the interval of a normal error, in standard deviations."""

HALF_WIDTH_FLOOR = 0.02
"""Lower bound of the log half width: no price is known better than to 2 %."""

CATEGORY_PRIOR_SALES = 50.0
"""Weight of the pooled stretch, in held-out sales, when the stretch of a category is shrunk towards it."""

OUTLIER_SPANS = 1.5
"""Bound on the errors that enter the market move, in half widths of the range of their middle 80 %."""

STEP_SALES_LEAST = 50
"""Minimum number of held-out sales to measure the stretch of a step."""

STEP_GROWTH = 1.05
"""Minimum ratio of the stretch of a step to that of the narrower step."""

OUT_OF_RANGE_STRETCH = 1.25
"""Additional stretch for ages and hours beyond the range of the sales."""


@dataclass(frozen=True)
class Calibration:
    """Stretch of half widths for each category and for all categories together; additional stretch for each Step."""

    categories: Mapping[str, float]
    pooled: float
    steps: tuple[float, ...]

    def stretch(self, category: Texts, step: Int) -> Float:
        """Returns the stretch of each machine [n]."""
        own = np.array([self.categories.get(text, self.pooled) for text in category.tolist()])
        return np.asarray(own * np.array(self.steps)[step], dtype=np.float64)

    def with_unseen_category(self, error: Float, half_width: Float) -> Calibration:
        """Returns the calibration with a new stretch for Step.ALL, measured on machines [n] with all levels hidden.

        The stretch of Step.ALL is not reduced.
        """
        measured = _level(np.abs(error) / half_width) / self.pooled
        return replace(self, steps=(*self.steps[: Step.ALL], max(measured, self.steps[Step.ALL])))


def calibrate(error: Float, half_width: Float, time: Float, category: Texts, step: Int) -> Calibration:
    """Fits the calibration to held-out log errors [n], which are actual less median.

    ``half_width`` [n] is the half width on the side of the error.
    """
    ratio = np.abs(error - market_move(error, time)) / half_width
    pooled = _level(ratio)
    categories = {}
    for name in np.unique(category.astype(str)):
        own = ratio[category == name]
        weight = len(own) / (len(own) + CATEGORY_PRIOR_SALES)
        categories[str(name)] = weight * _level(own) + (1.0 - weight) * pooled
    stretched = ratio / np.array([categories[text] for text in category.tolist()])
    return Calibration(categories, pooled, _steps(stretched, step))


def market_move(error: Float, time: Float) -> Float:
    """Returns the common deviation of all prices from the forecast at each time [n].

    The deviation is a smooth line through the errors [n], which are bounded first to limit the effect of outliers.
    """
    median = float(np.median(error))
    limit = OUTLIER_SPANS * float(np.quantile(np.abs(error - median), COVERAGE))
    bounded = np.clip(error - median, -limit, limit)
    centre = float(np.mean(bounded))
    return np.asarray(median + centre + market_index(time, bounded - centre).at(time), dtype=np.float64)


def half_widths(low: Float, middle: Float, high: Float) -> tuple[Float, Float]:
    """Returns the log half widths [n] below and above the median, at least HALF_WIDTH_FLOOR."""
    return np.maximum(middle - low, HALF_WIDTH_FLOOR), np.maximum(high - middle, HALF_WIDTH_FLOOR)


def widened(half_width: Float, stretch: Float, market_error: Float) -> Float:
    """Returns the half widths [n] after stretching, with the market's standard error [n] added in quadrature."""
    return np.asarray(np.hypot(half_width * stretch, NORMAL_HALF_WIDTH * market_error))


def _steps(stretched: Float, step: Int) -> tuple[float, ...]:
    """Returns the additional stretch for each step.

    The stretch is at least STEP_GROWTH times the stretch of the next narrower step.
    """
    found: list[float] = []
    for number in Step:
        own = stretched[step == number]
        least = found[-1] * STEP_GROWTH if found else 0.0
        measured = _level(own) if len(own) >= STEP_SALES_LEAST else (least or 1.0)
        found.append(max(measured, least))
    return tuple(found)


def _level(ratio: Float) -> float:
    """Returns the conformal quantile: a new ratio is below it with probability COVERAGE.

    The level COVERAGE (n + 1) / n corrects for the sample size n.
    """
    return float(np.quantile(ratio, min(1.0, COVERAGE * (len(ratio) + 1) / len(ratio))))
