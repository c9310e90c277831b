"""Loan to value, values and levels by day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from markupsafe import Markup

from collateral_registry.web.pages.charts.lines import free_place, month_starts
from collateral_registry.web.pages.charts.svg import line, path, svg, text, ticks

LEFT, RIGHT, BASE, TOP = 48.0, 610.0, 222.0, 14.0
SHOWN_LTV_LIMIT = 2.0
"""Higher LTVs, and infinite ones, are drawn at this one."""

SPARK_WIDTH, SPARK_HEIGHT = 92, 26


@dataclass(frozen=True)
class Limit:
    """A limit by day, with the name of its level and the kind of its line."""

    label: str
    kind: str
    points: Sequence[tuple[date, float]]


def ltv_lines(points: Sequence[tuple[date, float | None]], limits: Sequence[Limit], label: str, month: str) -> Markup:
    """Returns an LTV by day, oldest first, between its limits; a day on which nothing was owed is left out."""
    shown = [(day, None if ltv is None else min(ltv, SHOWN_LTV_LIMIT)) for day, ltv in points]
    values = [ltv for _, ltv in shown if ltv is not None] + [ratio for one in limits for _, ratio in one.points]
    low, high = math.floor(min(values) * 10) / 10, math.ceil(max(values) * 10) / 10
    scale = _Days([day for day, _ in points])
    step = 0.1 if high - low <= 0.8 else 0.5

    def height(ratio: float) -> float:
        return BASE - (ratio - low) / ((high - low) or 1) * (BASE - TOP)

    parts = scale.months(month)
    for n in range(round((high - low) / step) + 1):
        y = height(low + n * step)
        parts += [
            line(LEFT, y, RIGHT, y, "axis"),
            text(LEFT - 6, y + 4, f"{(low + n * step) * 100:.0f}", "tick", "end"),
        ]
    taken: list[float] = []
    for one in limits:
        places = [(scale.at(day), height(ratio)) for day, ratio in one.points]
        parts.append(path(places, one.kind))
        y = free_place(places[-1][1] + 4, taken)
        taken.append(y)
        parts.append(text(RIGHT + 6, y, one.label, "lab"))
    for is_gap, run in groupby(shown, lambda point: point[1] is None):
        if not is_gap:
            parts.append(path([(scale.at(day), height(ltv)) for day, ltv in run if ltv is not None], "lend"))
    return svg(720, 250, label, parts)


def level_areas(days: Sequence[date], counts: Sequence[Sequence[int]], label: str, month: str) -> Markup:
    """Returns the numbers of loans by day, oldest first, at each level from watch to liquidation, on one another."""
    scale, marks = _Days(days), ticks(max(sum(of_day) for of_day in counts))

    def height(count: float) -> float:
        return BASE - count / marks[-1] * (BASE - TOP)

    parts = scale.months(month)
    for mark in marks:
        parts.append(line(LEFT, height(mark), RIGHT, height(mark), "axis"))
        if mark.is_integer():
            parts.append(text(LEFT - 6, height(mark) + 4, f"{mark:g}", "tick", "end"))
    # The worst level stands on the axis.
    below = [0] * len(days)
    for level in reversed(range(len(counts[0]))):
        above = [lower + of_day[level] for lower, of_day in zip(below, counts, strict=True)]
        if above != below:
            upper = [(scale.at(day), height(count)) for day, count in zip(days, above, strict=True)]
            lower = [(scale.at(day), height(count)) for day, count in zip(days, below, strict=True)]
            parts.append(path([*upper, *reversed(lower)], f"f{level + 1}", closed=True))
        below = above
    return svg(round(RIGHT) + 14, 250, label, parts)  # the areas have no labels at the right


def spark(ltvs: Sequence[float | None], limit: float | None, label: str) -> Markup:
    """Returns a small line of LTVs with a limit; the picture of fewer than two LTVs is empty."""
    known = [(n, min(ltv, SHOWN_LTV_LIMIT)) for n, ltv in enumerate(ltvs) if ltv is not None]
    if len(known) < 2:
        return Markup("")
    bounds = [ltv for _, ltv in known] + ([limit] if limit is not None else [])
    low, extent = min(bounds), (max(bounds) - min(bounds)) or 1.0

    def height(ratio: float) -> int:
        return round(SPARK_HEIGHT - 2 - (ratio - low) / extent * (SPARK_HEIGHT - 4))

    across = (SPARK_WIDTH - 4) / (len(ltvs) - 1)
    parts = [] if limit is None else [line(0, height(limit), SPARK_WIDTH, height(limit), "limit k2")]
    # Whole pixels, because a list has many of these pictures.
    parts.append(path([(round(2 + n * across), height(ltv)) for n, ltv in known], "lend"))
    return svg(SPARK_WIDTH, SPARK_HEIGHT, label, parts, "spark")


class _Days:
    """The scale of the days of a chart, from left to right."""

    def __init__(self, days: Sequence[date]) -> None:
        self._first, self._last = min(days).toordinal(), max(days).toordinal()

    def at(self, day: date) -> float:
        return LEFT + (day.toordinal() - self._first) / ((self._last - self._first) or 1) * (RIGHT - LEFT)

    def months(self, month: str) -> list[Markup]:
        starts = month_starts(self._first, self._last)
        return [
            text(self.at(day), BASE + 18, month.format(y=day.year % 100, m=day.month), "tick", "middle")
            for day in starts
        ]
