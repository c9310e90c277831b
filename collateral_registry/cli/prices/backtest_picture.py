"""Draws a track record: the price, the forecast of the lowest price, and the exceedances."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from valuation.haircuts.backtesting.track_record import TrackRecord
from valuation.notebook import pictures
from valuation.prices.cleaning import clean

WIDTH_INCHES, HEIGHT_INCHES = 10.0, 4.5


def draw_record(
    path: Path, title: str, dates: NDArray[np.datetime64], prices: NDArray[np.float64], record: TrackRecord
) -> None:
    """Writes the track record of a series of raw quotes as SVG; equal records give equal bytes."""
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    axes = figure.subplots()
    pictures.draw_record(axes, clean(dates, prices), record)
    axes.set_title(title)
    with mpl.rc_context({"svg.hashsalt": title}):
        figure.savefig(path, metadata={"Date": None})
