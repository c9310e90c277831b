"""Draws a track record: the price, the forecast of the lowest price, and the exceedances."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from valuation.haircuts.backtesting.track_record import TrackRecord
from valuation.prices.cleaning import clean

WIDTH_INCHES, HEIGHT_INCHES = 10.0, 4.5


def draw_record(
    path: Path, title: str, dates: NDArray[np.datetime64], prices: NDArray[np.float64], record: TrackRecord
) -> None:
    """Writes the track record of a series of raw quotes as SVG; equal records give equal bytes."""
    good = clean(dates, prices)
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    axes = figure.subplots()
    axes.plot(good.dates, good.prices, color="0.25", linewidth=0.8, label="price")
    start = good.prices[np.searchsorted(good.dates, record.origins)]
    lowest, ended = start * np.exp(record.quantile), start * np.exp(record.log_return)
    for row in range(len(record.origins)):
        label = "forecast lowest price" if row == 0 else None
        span = [record.origins[row], record.ends[row]]
        axes.fill_between(span, lowest[row], start[row], color="tab:blue", alpha=0.25, linewidth=0, label=label)
    hit = record.log_return < record.quantile
    exceedances = f"exceedances: {int(hit.sum())} of {len(hit)}"
    axes.scatter(record.ends[hit], ended[hit], color="tab:red", s=18, zorder=3, label=exceedances)
    axes.set_yscale("log")
    axes.set_title(title)
    axes.legend(loc="upper left", frameon=False)
    with mpl.rc_context({"svg.hashsalt": title}):
        figure.savefig(path, metadata={"Date": None})
