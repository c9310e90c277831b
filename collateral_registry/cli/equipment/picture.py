"""Draws model scores as SVG: prices against estimates, and interval coverage by category."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from valuation.equipment.models.conformal import COVERAGE
from valuation.equipment.models.hedonic import Estimates
from valuation.equipment.models.scores import Score
from valuation.equipment.sales.observations import SEPARATOR

WIDTH, HEIGHT, PLOT, MARGIN = 960, 520, 400, 60
POINTS_LIMIT = 4_000
"""Maximum number of sales drawn; if a file has more, an evenly spaced selection is drawn."""

BARS_LIMIT = 16


def write_picture(path: Path, price: NDArray[np.float64], estimates: Estimates, scores: Sequence[Score]) -> None:
    """Writes an SVG file with both panels."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_scatter(price, estimates),
        *_bars(scores),
        "</svg>",
    ]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _scatter(price: NDArray[np.float64], estimates: Estimates) -> list[str]:
    """Returns a scatter plot of log price against log estimate; points outside their interval are red."""
    known = np.flatnonzero(~np.isnan(price + estimates.fmv))
    drawn = known[:: max(1, len(known) // POINTS_LIMIT)]
    actual, middle = np.log(price[drawn]), np.log(estimates.fmv[drawn])
    low, high = float(min(actual.min(), middle.min())), float(max(actual.max(), middle.max()))
    scale = PLOT / max(high - low, 1e-9)
    across, down = MARGIN + (middle - low) * scale, MARGIN + PLOT - (actual - low) * scale
    inside = (price[drawn] >= estimates.low[drawn]) & (price[drawn] <= estimates.high[drawn])
    parts = [
        _text(MARGIN, MARGIN - 20, "price against estimate (log scales); red: outside the interval"),
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{PLOT}" height="{PLOT}" fill="none" stroke="black"/>',
        f'<line x1="{MARGIN}" y1="{MARGIN + PLOT}" x2="{MARGIN + PLOT}" y2="{MARGIN}" stroke="gray"/>',
        _text(MARGIN, MARGIN + PLOT + 20, f"{np.exp(low):,.0f}"),
        _text(MARGIN + PLOT - 60, MARGIN + PLOT + 20, f"{np.exp(high):,.0f}"),
    ]
    return parts + [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.6" fill="{"steelblue" if held else "firebrick"}" fill-opacity="0.6"/>'
        for x, y, held in zip(across, down, inside, strict=True)
    ]


def _bars(scores: Sequence[Score]) -> list[str]:
    """Returns bars of interval coverage: all sales first, then the largest categories."""
    left = MARGIN + PLOT + MARGIN
    shown = [scores[0], *sorted(scores[1:], key=lambda score: -score.sales)[: BARS_LIMIT - 1]]
    span, step = WIDTH - left - 200, PLOT / len(shown)
    nominal = left + 120 + span * COVERAGE
    parts = [_text(left, MARGIN - 20, f"share within the interval; line: nominal {COVERAGE:.0%}")]
    for number, score in enumerate(shown):
        top = MARGIN + number * step
        parts += [
            _text(left, top + step / 2 + 4, score.group.replace(SEPARATOR, " ")[:16]),
            f'<rect x="{left + 120}" y="{top + 2:.1f}" width="{span * score.coverage:.1f}" height="{step - 4:.1f}" '
            'fill="steelblue"/>',
            _text(left + 125 + span, top + step / 2 + 4, f"{score.coverage:.1%} of {score.sales}"),
        ]
    line = f'<line x1="{nominal:.1f}" y1="{MARGIN}" x2="{nominal:.1f}" y2="{MARGIN + PLOT}" stroke="firebrick"/>'
    return [*parts, line]


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
