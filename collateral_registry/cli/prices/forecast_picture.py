"""Draws a forecast: the prices of the last year and the forecast quantiles."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from valuation.forecast.value import ValueForecast
from valuation.notebook import pictures

WIDTH_INCHES, HEIGHT_INCHES = 10.0, 4.5


def draw_forecast(path: Path, title: str, found: ValueForecast) -> None:
    """Writes a forecast as SVG; equal forecasts give equal bytes."""
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    axes = figure.subplots()
    pictures.draw_forecast(axes, found)
    axes.set_title(title)
    with mpl.rc_context({"svg.hashsalt": title}):
        figure.savefig(path, metadata={"Date": None})
