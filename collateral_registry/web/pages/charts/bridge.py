"""Bridges: the parts of a change, one after the other, and the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from collateral_registry.web.pages.charts.svg import fitted, line, rect, svg, text

LEFT, RIGHT, WIDTH, ROW = 118.0, 282.0, 380.0, 30.0
"""Ends of the drawn area, the width of the picture, and the height of a row."""

LABEL_WIDTH = 18
"""Width of the labels in characters; the table has them in full."""


@dataclass(frozen=True)
class Part:
    """A part of a change with its text; ``shown`` is its figure."""

    label: str
    amount: float
    shown: str


def bridge(parts: Sequence[Part], whole: Part, label: str) -> Markup:
    """Returns a row for each part, which begins where the part before ended, and the whole change from zero."""
    ends = [0.0]
    for part in parts:
        ends.append(ends[-1] + part.amount)
    low, high = min(ends), max(ends)
    scale = (RIGHT - LEFT) / ((high - low) or 1.0)

    def at(amount: float) -> float:
        return LEFT + (amount - low) * scale

    height = (len(parts) + 1) * ROW
    drawn = [line(at(0.0), 0, at(0.0), height, "zero")]
    for place, part in enumerate(parts):
        y, start, end = place * ROW, ends[place], ends[place + 1]
        drawn.append(text(LEFT - 10, y + 19, fitted(part.label, LABEL_WIDTH), "lab", "end"))
        if part.amount:
            drawn.append(rect(at(min(start, end)), y + 6, max(abs(end - start) * scale, 1), 18, "wf-cut"))
        else:
            drawn.append(line(at(end), y + 6, at(end), y + 24, "wf-link"))
        drawn.append(text(WIDTH, y + 19, part.shown, "lab", "end"))
        drawn.append(line(at(end), y + 24, at(end), y + ROW + 6, "wf-link"))
    y = len(parts) * ROW
    drawn.append(text(LEFT - 10, y + 19, whole.label, "lab strong", "end"))
    drawn.append(rect(at(min(0.0, ends[-1])), y + 6, max(abs(ends[-1]) * scale, 1), 18, "wf"))
    drawn.append(text(WIDTH, y + 19, whole.shown, "lab strong", "end"))
    return svg(WIDTH, height, label, drawn, "fit")
