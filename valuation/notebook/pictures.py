"""Draws series, haircuts, backtests and forecasts on axes of matplotlib, which the caller imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from valuation._typing import Float
from valuation.forecast.value import QUANTILES, ValueForecast
from valuation.haircuts.backtesting.track_record import TrackRecord
from valuation.prices.cleaning import Cleaned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_PRICES = 250
"""Newest prices that are drawn with a haircut or a forecast: one year of business days."""


def draw_prices(axes: Axes, cleaned: Cleaned, newest: int | None = None) -> None:
    """Draws the clean prices, or the newest of them."""
    shown = slice(None if newest is None else -newest, None)
    axes.plot(cleaned.dates[shown], cleaned.prices[shown], color="0.25", linewidth=0.8, label="price")


def draw_level(axes: Axes, cleaned: Cleaned, level: float, label: str) -> None:
    """Draws the newest prices and one level of price as a dashed line."""
    draw_prices(axes, cleaned, SHOWN_PRICES)
    axes.axhline(level, color="tab:red", linestyle="--", linewidth=0.8, label=label)
    axes.legend(loc="best", frameon=False)


def draw_curve(axes: Axes, years: Float, values: Float, marked: tuple[float, float], across: str, up: str) -> None:
    """Draws values by years as a curve, and marks one point of it."""
    axes.plot(years, values, color="tab:blue")
    axes.plot(*marked, marker="o", color="tab:red")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_ylim(bottom=0.0)


def draw_bars(axes: Axes, shares: Mapping[str, tuple[float, bool]]) -> None:
    """Draws a horizontal bar for each share in percent, blue for an estimate and grey for a substitute."""
    colours = ["tab:blue" if estimated else "0.7" for _, estimated in shares.values()]
    axes.barh(list(shares), [100.0 * share for share, _ in shares.values()], color=colours)
    axes.invert_yaxis()
    axes.set_xlabel("haircut, %")


def draw_forecast(axes: Axes, found: ValueForecast) -> None:
    """Draws the prices of the last year and the forecast quantiles."""
    draw_prices(axes, found.cleaned, SHOWN_PRICES)
    ahead = np.concatenate([[found.date], found.dates_ahead])
    fan = np.column_stack([np.full(len(QUANTILES), found.last_price), found.fan])
    for row in range(len(QUANTILES) // 2):
        label = f"{QUANTILES[row]:.0%} to {QUANTILES[-1 - row]:.0%}"
        axes.fill_between(ahead, fan[row], fan[-1 - row], color="tab:blue", alpha=0.2, linewidth=0, label=label)
    axes.plot(ahead, fan[len(QUANTILES) // 2], color="tab:blue", label=f"median, {found.selection.model}")
    axes.plot(found.dates_ahead, found.lendable, color="tab:red", linestyle="--", linewidth=0.8, label="lendable")
    axes.set_yscale("log")
    axes.legend(loc="best", frameon=False)


def draw_record(axes: Axes, cleaned: Cleaned, record: TrackRecord) -> None:
    """Draws the price, the forecast of the lowest price in each window, and the exceedances."""
    draw_prices(axes, cleaned)
    start: Float = cleaned.prices[np.searchsorted(cleaned.dates, record.origins)]
    lowest, ended = start * np.exp(record.quantile), start * np.exp(record.log_return)
    for row in range(len(record.origins)):
        label = "forecast lowest price" if row == 0 else None
        span = [record.origins[row], record.ends[row]]
        axes.fill_between(span, lowest[row], start[row], color="tab:blue", alpha=0.25, linewidth=0, label=label)
    hit = record.log_return < record.quantile
    exceedances = f"exceedances: {int(hit.sum())} of {len(hit)}"
    axes.scatter(record.ends[hit], ended[hit], color="tab:red", s=18, zorder=3, label=exceedances)
    axes.set_yscale("log")
    axes.legend(loc="upper left", frameon=False)
