"""Draws the reliability diagram: observed against nominal exceedance, one panel for each horizon."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter

WIDTH_INCHES, HEIGHT_INCHES = 10.0, 3.6
TITLE = "exceeded against promised, liquid series"

COLUMNS = ("promised", "observed", "band_low", "band_high")

Row = dict[str, object]


def draw_reliability(path: Path, rows: Sequence[Row]) -> None:
    """Draws the rows of ``reliability`` as SVG; the same rows give the same bytes."""
    horizons = sorted({int(str(row["horizon_days"])) for row in rows})
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    panels = figure.subplots(1, len(horizons), sharey=True, squeeze=False)[0]
    for axes, horizon in zip(panels, horizons, strict=True):
        mine = [row for row in rows if int(str(row["horizon_days"])) == horizon]
        promised, observed, low, high = (_percent(mine, name) for name in COLUMNS)
        axes.fill_between(promised, low, high, color="0.85", linewidth=0, label="95 % of right models")
        axes.plot(promised, promised, color="0.5", linewidth=0.8, label="as promised")
        axes.plot(promised, observed, "o-", color="tab:blue", markersize=4, label="as shipped")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(promised)
        axes.set_yticks(promised)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter())
            axis.set_minor_formatter(NullFormatter())
        axes.set_title(f"{horizon} days, {mine[0]['windows']} windows")
        axes.set_xlabel("promised")
    panels[0].set_ylabel("exceeded")
    panels[0].legend(loc="upper left", frameon=False)
    with mpl.rc_context({"svg.hashsalt": TITLE}):
        figure.savefig(path, metadata={"Date": None})


def _percent(rows: Sequence[Row], name: str) -> list[float]:
    return [100.0 * float(str(row[name])) for row in rows]
