"""Dilution of a pool: reductions other than by payment, as a share of the sales that they reduce."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Float, Int
from valuation.errors import InvalidInput

SPIKE_MONTHS = 3


@dataclass(frozen=True)
class Dilution:
    """The expected dilution ratio, the mean of the months, and its spike, the highest mean of three months.

    The spike is at least the expected ratio.
    """

    expected: float
    spike: float

    @property
    def volatility(self) -> float:
        """The spike's excess over the expected ratio, weighted by their quotient; 0 without dilution."""
        return (self.spike - self.expected) * self.spike / self.expected if self.expected > 0.0 else 0.0


def dilution_ratios(diluted_minor: Int, sales_minor: Int, lag_months: int) -> Float:
    """Returns the dilution of each month [m - lag] divided by the sales ``lag_months`` before; NaN without sales.

    The columns hold consecutive months [m]. Sales of the same month would understate the ratio of a growing book.
    Write-offs for insolvency are no dilution. Raises InvalidInput for a lag that leaves no month.
    """
    months = len(sales_minor)
    if not 0 <= lag_months < months:
        raise InvalidInput("lag_months", lag_months, f"0 to {months - 1}")
    sales = sales_minor[: months - lag_months]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(sales > 0, diluted_minor[lag_months:] / sales, np.nan))


def dilution_of(ratios: Float) -> Dilution:
    """Returns the dilution of consecutive months [m].

    Raises InvalidInput for fewer than three months, or a ratio that is missing or negative.
    """
    if len(ratios) < SPIKE_MONTHS or not (ratios >= 0.0).all():
        raise InvalidInput("ratios", ratios.tolist(), f"{SPIKE_MONTHS} months or more, each with a ratio of 0 or more")
    windows = np.lib.stride_tricks.sliding_window_view(ratios, SPIKE_MONTHS)
    expected = float(ratios.mean())
    # Windows of a number of months that three does not divide may all have a lower mean than the months.
    return Dilution(expected, max(float(windows.mean(axis=1).max()), expected))


def dilution_reserve_ratio(dilution: Dilution, stress: float, horizon_ratio: float) -> float:
    """Returns the share of the eligible amount to reserve: (stress x expected + volatility) x horizon ratio.

    ``horizon_ratio`` is the sales within the dilution horizon divided by the eligible amount.
    """
    return (stress * dilution.expected + dilution.volatility) * horizon_ratio


def reduced_advance(advance_ppm: int, dilution_ppm: int, threshold_ppm: int) -> int:
    """Returns the advance rate less each millionth of dilution above the threshold, at least 0."""
    return max(advance_ppm - max(dilution_ppm - threshold_ppm, 0), 0)
