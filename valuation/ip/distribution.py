"""Value distribution of IP assets by relief from royalty, from random draws of the four least certain inputs.

Revenue is lognormal with the forecast as mean. Royalty rate, life and discount rate are triangular between a low and a
high value, with the forecast as mode. The pledge value is a low quantile of the values drawn. The same seed gives the
same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float
from valuation.checks import require
from valuation.ip.relief_from_royalty import RATE_LIMIT, RoyaltyColumns, relief_from_royalty

DRAWS = 10_000
QUANTILE_LEVELS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)


@dataclass(frozen=True)
class RoyaltyDoubt:
    """Uncertainty of each IP asset's inputs [n]: log standard deviation of revenue, bounds of the other inputs.

    The asset's own royalty rate, life and discount rate are the modes and must lie within the bounds. Equal bounds make
    an input certain.
    """

    revenue_log_sd: Float
    royalty_low: Float
    royalty_high: Float
    life_low_years: Float
    life_high_years: Float
    discount_low: Float
    discount_high: Float

    def __post_init__(self) -> None:
        """Raises InvalidInput for a negative standard deviation, or bounds out of order or out of range."""
        require("revenue_log_sd", self.revenue_log_sd, self.revenue_log_sd >= 0.0, "0 or more")
        for low, high, most in (
            ("royalty_low", "royalty_high", 1.0),
            ("life_low_years", "life_high_years", np.inf),
            ("discount_low", "discount_high", RATE_LIMIT),
        ):
            lower, upper = getattr(self, low), getattr(self, high)
            require(low, lower, (lower >= 0.0) & ~(lower > upper), f"0 to the {high}")
            require(high, upper, upper <= most, f"at most {most:g}")


@dataclass(frozen=True)
class ValueDistribution:
    """Distribution of each IP asset's value: mean [n], standard deviation [n] and quantiles [n, levels].

    The levels are QUANTILE_LEVELS.
    """

    mean: Float
    standard_deviation: Float
    quantiles: Float

    def at(self, level: float) -> Float:
        """Returns the quantiles [n] at a level, interpolated linearly between QUANTILE_LEVELS."""
        return np.array([np.interp(level, QUANTILE_LEVELS, row) for row in self.quantiles], dtype=np.float64)


def value_distribution(
    columns: RoyaltyColumns, doubt: RoyaltyDoubt, seeds: NDArray[np.int64], draws: int = DRAWS
) -> ValueDistribution:
    """Returns the value distribution of each IP asset [n] from random draws with its own seed [n].

    Drawn royalty rates are capped at the operating margin, if known. Raises InvalidInput where an asset's own royalty
    rate, life or discount rate lies outside its bounds.
    """
    _check_modes(columns, doubt)
    rows = [_draw_values(columns, doubt, row, int(seed), draws) for row, seed in enumerate(seeds.tolist())]
    values = np.array(rows).reshape(len(rows), draws)
    return ValueDistribution(
        mean=values.mean(axis=1),
        standard_deviation=values.std(axis=1),
        quantiles=np.quantile(values, QUANTILE_LEVELS, axis=1).T,
    )


def _check_modes(columns: RoyaltyColumns, doubt: RoyaltyDoubt) -> None:
    for name, low, high in (
        ("royalty_rate", doubt.royalty_low, doubt.royalty_high),
        ("remaining_life_years", doubt.life_low_years, doubt.life_high_years),
        ("discount_rate", doubt.discount_low, doubt.discount_high),
    ):
        mode = getattr(columns, name)
        require(name, mode, ~((mode < low) | (mode > high)), "between its low and its high")


def _draw_values(columns: RoyaltyColumns, doubt: RoyaltyDoubt, row: int, seed: int, draws: int) -> Float:
    """Draws values [draws] of one IP asset."""
    random = np.random.default_rng(seed)
    spread = float(doubt.revenue_log_sd[row])
    drawn = {field.name: np.full(draws, getattr(columns, field.name)[row]) for field in fields(RoyaltyColumns)}
    # The term -spread^2 / 2 keeps the mean of the lognormal at the forecast.
    drawn["next_year_revenue"] = drawn["next_year_revenue"] * np.exp(
        random.normal(0.0, 1.0, draws) * spread - 0.5 * spread**2
    )
    for name, low, high in (
        ("royalty_rate", doubt.royalty_low, doubt.royalty_high),
        ("remaining_life_years", doubt.life_low_years, doubt.life_high_years),
        ("discount_rate", doubt.discount_low, doubt.discount_high),
    ):
        drawn[name] = _triangular(random.random(draws), float(low[row]), drawn[name], float(high[row]))
    margin = drawn["operating_margin"]
    drawn["royalty_rate"] = np.where(np.isnan(margin), drawn["royalty_rate"], np.fmin(drawn["royalty_rate"], margin))
    return relief_from_royalty(RoyaltyColumns(**drawn)).value


def _triangular(uniform: Float, low: float, mode: Float, high: float) -> Float:
    """Converts uniform draws [draws] to triangular draws by the inverse distribution; equal bounds give the mode."""
    span = high - low
    if span == 0.0:
        return mode
    rising = (mode - low) / span
    below = low + np.sqrt(uniform * span * (mode - low))
    above = high - np.sqrt((1.0 - uniform) * span * (high - mode))
    return np.asarray(np.where(uniform < rising, below, above), dtype=np.float64)
