"""Rows of bars on one scale: how amounts are divided, and amounts one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from collateral_registry.web.pages.charts.svg import line, rect, svg, text

WIDTH, ROW, HEIGHT = 420.0, 42.0, 14.0
"""Width of the picture, and the height of a row and of its bar."""

LABEL_LIMIT = 40
"""Characters of a label that a picture shows; the table has it in full."""


@dataclass(frozen=True)
class Stack:
    """A row with its parts, which are amounts with their classes, from the left; ``shown`` is its figure.

    A part of zero or less is left out. ``mark`` is a place on the scale, such as that of a limit; 0 for none.
    """

    label: str
    parts: Sequence[tuple[float, str]]
    shown: str
    mark: float = 0.0


def stacks(rows: Sequence[Stack], label: str) -> Markup:
    """Returns a row for each stack: label and figure, and the parts of the bar below them."""
    most = max((max(_whole(row), row.mark) for row in rows), default=0.0) or 1.0
    drawn = []
    for place, row in enumerate(rows):
        y, x = place * ROW, 0.0
        drawn.append(text(0, y + 14, _cut(row.label), "lab"))
        drawn.append(text(WIDTH, y + 14, row.shown, "lab strong", "end"))
        drawn.append(line(0, y + 20 + HEIGHT, WIDTH, y + 20 + HEIGHT, "axis"))
        for amount, kind in row.parts:
            if amount > 0:
                width = amount / most * WIDTH
                drawn.append(rect(x, y + 20, max(width - 1, 1), HEIGHT, kind))
                x += width
        if row.mark:
            at = min(row.mark / most * WIDTH, WIDTH - 1)
            drawn.append(line(at, y + 17, at, y + 23 + HEIGHT, "dash"))
    return svg(WIDTH, len(rows) * ROW, label, drawn, "fit")


@dataclass(frozen=True)
class Level:
    """A row of one amount with its name and its figure."""

    label: str
    amount: float
    shown: str


def levels(rows: Sequence[Level], label: str) -> Markup:
    """Returns a row for each amount, whose bars begin at one line; an amount of zero has none."""
    start, most, height = 122.0, max((row.amount for row in rows), default=0.0) or 1.0, 26.0
    drawn = [line(start, 0, start, len(rows) * height, "zero")]
    for place, row in enumerate(rows):
        y = place * height
        drawn.append(text(start - 8, y + 19, row.label, "lab", "end"))
        drawn.append(text(WIDTH, y + 19, row.shown, "lab strong", "end"))
        if row.amount > 0:
            drawn.append(rect(start, y + 7, max(row.amount / most * (WIDTH - start - 134), 1), HEIGHT, "wf"))
    return svg(WIDTH, len(rows) * height, label, drawn, "fit")


def _whole(row: Stack) -> float:
    return sum(max(amount, 0.0) for amount, _ in row.parts)


def _cut(label: str) -> str:
    return label if len(label) <= LABEL_LIMIT else f"{label[: LABEL_LIMIT - 1]}…"
