"""Cascades: amounts that come from one another, a row each, on both sides of zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from collateral_registry.web.pages.charts.svg import fitted, line, rect, svg, text

LEFT, RIGHT, WIDTH, ROW = 140.0, 296.0, 380.0, 28.0
"""Ends of the drawn area, the width of the picture, and the height of a row."""

BAR_TOP, BAR_HEIGHT, BASELINE = 5.0, 17.0, 18.0
LEAST = 1.5
"""Width of a bar that would be too narrow to be seen."""

LABEL_WIDTH = 21
"""Width of the labels in characters; the table has them in full."""


@dataclass(frozen=True)
class Bar:
    """A row: a bar from one amount to another with its text; ``shown`` is its figure."""

    label: str
    start: float
    end: float
    shown: str
    kind: str
    is_total: bool = False


def cascade(bars: Sequence[Bar], label: str) -> Markup:
    """Returns a row for each bar; a dotted line joins bars of which one goes on where the other ends."""
    ends = [0.0, *(end for bar in bars for end in (bar.start, bar.end))]
    low, high = min(ends), max(ends)
    scale = (RIGHT - LEFT) / ((high - low) or 1.0)

    def at(amount: float) -> float:
        return LEFT + (amount - low) * scale

    height = len(bars) * ROW
    drawn = [line(at(0.0), 0, at(0.0), height, "zero")]
    for place, bar in enumerate(bars):
        y, kind = place * ROW, "lab strong" if bar.is_total else "lab"
        x, width = at(min(bar.start, bar.end)), max(abs(bar.end - bar.start) * scale, LEAST)
        drawn.append(text(LEFT - 10, y + BASELINE, fitted(bar.label, LABEL_WIDTH), kind, "end"))
        drawn.append(rect(x, y + BAR_TOP, width, BAR_HEIGHT, bar.kind))
        drawn.append(text(WIDTH, y + BASELINE, bar.shown, kind, "end"))
    drawn += [line(at(x), y, at(x), y + ROW - BAR_HEIGHT, "wf-link") for x, y in _joints(bars)]
    return svg(WIDTH, height, label, drawn, "fit")


def _joints(bars: Sequence[Bar]) -> Iterable[tuple[float, float]]:
    """Yields where a bar ends at which the next one begins or ends, with the height below the bar."""
    for place, (one, following) in enumerate(pairwise(bars)):
        if one.end in {following.start, following.end}:
            yield one.end, place * ROW + BAR_TOP + BAR_HEIGHT
