"""Draws a forecast: the prices of the last year and the forecast quantiles."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from valuation.forecast.value import QUANTILES, ValueForecast

WIDTH_INCHES, HEIGHT_INCHES = 10.0, 4.5
SHOWN_PRICES = 250


def draw_forecast(path: Path, title: str, found: ValueForecast) -> None:
    """Writes a forecast as SVG; equal forecasts give equal bytes."""
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    axes = figure.subplots()
    shown = slice(-SHOWN_PRICES, None)
    axes.plot(found.cleaned.dates[shown], found.cleaned.prices[shown], color="0.25", linewidth=0.8, label="price")
    ahead = np.concatenate([[found.date], found.dates_ahead])
    fan = np.column_stack([np.full(len(QUANTILES), found.last_price), found.fan])
    for row in range(len(QUANTILES) // 2):
        label = f"{QUANTILES[row]:.0%} to {QUANTILES[-1 - row]:.0%}"
        axes.fill_between(ahead, fan[row], fan[-1 - row], color="tab:blue", alpha=0.2, linewidth=0, label=label)
    axes.plot(ahead, fan[len(QUANTILES) // 2], color="tab:blue", label=f"median, {found.selection.model}")
    axes.plot(found.dates_ahead, found.lendable, color="tab:red", linestyle="--", linewidth=0.8, label="lendable")
    axes.set_yscale("log")
    axes.set_title(title)
    axes.legend(loc="best", frameon=False)
    with mpl.rc_context({"svg.hashsalt": title}):
        figure.savefig(path, metadata={"Date": None})
