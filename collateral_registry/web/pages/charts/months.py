"""Columns by month, above and below zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from collateral_registry.web.pages.charts.svg import line, rect, svg, text

WIDTH, HEIGHT, TOP, BASE = 480.0, 170.0, 24.0, 140.0


@dataclass(frozen=True)
class Column:
    """A month with its name, its value, and its figure."""

    label: str
    value: float
    shown: str


def month_columns(columns: Sequence[Column], label: str) -> Markup:
    """Returns a column for each month, from zero up or down, with its figure at its end."""
    high = max(0.0, *(one.value for one in columns))
    low = min(0.0, *(one.value for one in columns))
    scale = (BASE - TOP - (16 if low < 0 else 0)) / ((high - low) or 1.0)
    zero, width = TOP + high * scale, WIDTH / len(columns)
    drawn = [line(0, zero, WIDTH, zero, "zero")]
    for place, one in enumerate(columns):
        x, height = place * width, max(abs(one.value) * scale, 1.0)
        top = zero - height if one.value > 0 else zero
        drawn.append(rect(x + width * 0.2, top, width * 0.6, height, "wf"))
        at = top - 6 if one.value >= 0 else top + height + 16
        drawn.append(text(x + width / 2, at, one.shown, "lab strong", "middle"))
        drawn.append(text(x + width / 2, HEIGHT - 6, one.label, "tick", "middle"))
    return svg(WIDTH, HEIGHT, label, drawn, "fit")
