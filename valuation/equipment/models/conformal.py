"""Intervals that hold what they promise: stretched until they held in later sales that the trees had not seen.

The distance of each held-out price from the middle is set against the half width that the quantile trees gave it; the
factor that makes COVERAGE of them fit is the stretch, by category, blended with that of all where sales are few. Each
step outwards (a model, a family never seen) stretches further. The market's own move in the held-out time is taken out
first: its error is not the machine's, and it grows with time, so it is added for the distance asked for.
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
"""Least log half width of the trees: no price is known better than to 2 %."""

CATEGORY_PRIOR_SALES = 50.0
"""Held-out sales of all categories that each category is blended with."""

OUTLIER_SPANS = 1.5
"""Errors beyond this many half widths of their middle 80 % do not move the market's line further."""

STEP_SALES_LEAST = 50
STEP_GROWTH = 1.05
"""Least growth of the stretch from one step to the next."""

OUT_OF_RANGE_STRETCH = 1.25
"""Further stretch beyond the ages and hours that were seen."""


@dataclass(frozen=True)
class Calibration:
    """Stretch of the half width by category, for all, and by Step."""

    categories: Mapping[str, float]
    pooled: float
    steps: tuple[float, ...]

    def stretch(self, category: Texts, step: Int) -> Float:
        """Stretch of each machine [n]."""
        own = np.array([self.categories.get(text, self.pooled) for text in category.tolist()])
        return np.asarray(own * np.array(self.steps)[step], dtype=np.float64)

    def with_strangers(self, error: Float, half_width: Float) -> Calibration:
        """The same with the stretch of machines of which no level was ever sold, measured on so many [n]."""
        measured = _level(np.abs(error) / half_width) / self.pooled
        return replace(self, steps=(*self.steps[: Step.ALL], max(measured, self.steps[Step.ALL])))


def calibrate(error: Float, half_width: Float, time: Float, category: Texts, step: Int) -> Calibration:
    """The calibration from held-out log errors [n], actual less middle, and the half width on their side [n]."""
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
    """What all prices moved beyond the forecast at each time [n]: a smooth line through errors, outliers held back."""
    middle = float(np.median(error))
    limit = OUTLIER_SPANS * float(np.quantile(np.abs(error - middle), COVERAGE))
    bounded = np.clip(error - middle, -limit, limit)
    centre = float(np.mean(bounded))
    return np.asarray(middle + centre + market_index(time, bounded - centre).at(time), dtype=np.float64)


def half_widths(low: Float, middle: Float, high: Float) -> tuple[Float, Float]:
    """Log half widths [n] below and above the middle, as the trees give them."""
    return np.maximum(middle - low, HALF_WIDTH_FLOOR), np.maximum(high - middle, HALF_WIDTH_FLOOR)


def widened(half_width: Float, stretch: Float, market_error: Float) -> Float:
    """Half width [n] stretched, with the market's standard error [n] added in squares."""
    return np.asarray(np.hypot(half_width * stretch, NORMAL_HALF_WIDTH * market_error))


def _steps(stretched: Float, step: Int) -> tuple[float, ...]:
    """Further stretch by step, never less than the step before it allows."""
    found: list[float] = []
    for number in Step:
        own = stretched[step == number]
        least = found[-1] * STEP_GROWTH if found else 0.0
        measured = _level(own) if len(own) >= STEP_SALES_LEAST else (least or 1.0)
        found.append(max(measured, least))
    return tuple(found)


def _level(ratio: Float) -> float:
    """The ratio that COVERAGE of a new one will be below, a little above the quantile for small samples."""
    return float(np.quantile(ratio, min(1.0, COVERAGE * (len(ratio) + 1) / len(ratio))))
