"""Bars: loans by level, loans by LTV, the steps from market to lendable value, and the scale of a loan's limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from markupsafe import Markup

from collateral_registry.web.pages.charts.svg import fitted, line, path, rect, svg, text, ticks

GAP = 2.0
LABEL_WIDTH = 26
"""Width of the names of shares in characters; the table has them in full."""


def level_bar(counts: Sequence[tuple[int, int]], label: str) -> Markup:
    """Returns a bar with the number of loans at each level, which are pairs of level and number."""
    width, total = 260.0, sum(count for _, count in counts) or 1
    parts, x = [], 0.0
    for level, count in counts:
        if count:
            parts.append(rect(x, 0, width * count / total - GAP, 10, f"f{level}"))
            x += width * count / total
    return svg(width, 10, label, parts)


def share_bar(share: Decimal, kind: str) -> Markup:
    """Returns a bar of a share of its width. The figure stands next to it, so the bar itself has no text."""
    drawn = Markup("").join([line(0, 5, 160, 5, "axis"), rect(0, 1, 160 * float(min(share, Decimal(1))), 8, kind)])
    return Markup('<svg viewBox="0 0 160 10" class="bar" aria-hidden="true">') + drawn + Markup("</svg>")


@dataclass(frozen=True)
class Share:
    """A share of a total with its name and its figure."""

    label: str
    share: Decimal
    shown: str


def shares(parts: Sequence[Share], label: str) -> Markup:
    """Returns shares as bars, a row each, whose scale ends at the largest one."""
    width, row, left, bar = 420.0, 26.0, 180.0, 170.0
    scale = bar / float(max((one.share for one in parts), default=Decimal(0)) or 1)
    drawn = []
    for place, one in enumerate(parts):
        y, name = place * row + 2, fitted(one.label, LABEL_WIDTH)
        drawn.append(text(left - 8, y + 15, name, "lab", "end"))
        drawn.append(rect(left, y + 3, max(float(one.share) * scale, 1), 14, "wf"))
        drawn.append(text(left + max(float(one.share) * scale, 1) + 6, y + 15, one.shown, "lab"))
    return svg(width, len(parts) * row + 2, label, drawn, "fit")


@dataclass(frozen=True)
class Bin:
    """The loans whose LTV is in a range: their number, and how many of them are not fully known."""

    label: str
    level: int
    count: int
    unknown: int


def distribution(bins: Sequence[Bin], limits: Sequence[tuple[float, int]], label: str) -> Markup:
    """Returns loans by LTV; ``limits`` are places between bins, counted in bins, with their levels."""
    left, right, base, top = 44.0, 600.0, 200.0, 14.0
    marks = ticks(max((one.count for one in bins), default=0))
    width, scale = (right - left) / max(len(bins), 1), (base - top) / marks[-1]
    parts = []
    for mark in marks:
        parts.append(line(left, base - mark * scale, right, base - mark * scale, "axis"))
        if mark.is_integer():
            parts.append(text(left - 6, base - mark * scale + 4, f"{mark:g}", "tick", "end"))
    for place, one in enumerate(bins):
        x = left + place * width
        known = (one.count - one.unknown) * scale
        if one.count > one.unknown:
            parts.append(rect(x + 1, base - known, width - GAP, known, f"f{one.level}"))
        if one.unknown:
            parts.append(rect(x + 1, base - one.count * scale, width - GAP, one.unknown * scale, "fu"))
        if place % 2 == 0:
            parts.append(text(x, base + 16, one.label, "tick", "middle"))
    parts += [line(left + at * width, 4, left + at * width, base, f"limit k{level}") for at, level in limits]
    return svg(600, 230, label, parts)


@dataclass(frozen=True)
class Step:
    """A step of a waterfall: a total that stands on the axis, or a deduction from the step before."""

    label: str
    amount: float
    shown: str
    kind: str
    is_total: bool = False


def waterfall(steps: Sequence[Step], label: str) -> Markup:
    """Returns the steps from one total to another, a row each."""
    left, width, row = 130.0, 160.0, 34.0
    scale = width / (max((one.amount for one in steps if one.is_total), default=0) or 1)
    parts, reached = [], 0.0
    for place, one in enumerate(steps):
        y, kind = place * row + 4, "lab strong" if one.is_total else "lab"
        start = 0.0 if one.is_total else reached - one.amount
        end = one.amount if one.is_total else reached
        parts.append(text(left - 8, y + 16, one.label, kind, "end"))
        parts.append(rect(left + start * scale, y, max((end - start) * scale, 1), 20, one.kind))
        parts.append(text(380, y + 16, one.shown, kind, "end"))
        reached = one.amount if one.is_total else start
        if place + 1 < len(steps) and not steps[place + 1].is_total:
            x = left + reached * scale
            parts.append(line(x, y + 20, x, y + row, "wf-link"))
    return svg(380, len(steps) * row, label, parts, "fit")


def limit_scale(ltv: Decimal, limits: Sequence[tuple[Decimal, str]], shown: str, label: str) -> Markup:
    """Returns where an LTV stands between limits, which are ratios with the names of their levels, in rising order."""
    width, height = 560.0, 106.0
    first, last = limits[0][0], limits[-1][0]
    low, high = first - (last - first), last + (last - first) / 3
    span = (high - low) or Decimal(1)

    def at(ratio: Decimal) -> float:
        return float((min(max(ratio, low), high) - low) / span) * width

    edges = [low, *(ratio for ratio, _ in limits), high]
    parts = [rect(at(a), 36, at(b) - at(a) - 1, 12, f"f{n}") for n, (a, b) in enumerate(pairwise(edges))]
    for number, (ratio, name) in enumerate(limits):
        is_last = number == len(limits) - 1
        parts.append(text(at(ratio), 64, f"{ratio * 100:.0f}", "tick"))
        place = (width, "end") if is_last else (at(ratio), "start")
        parts.append(text(place[0], 82 + (number % 2) * 20, name, "tick", place[1]))
    x = min(max(at(ltv), 30), width - 30)
    parts.append(path([(at(ltv), 34), (at(ltv) - 7, 23), (at(ltv) + 7, 23)], "mark", closed=True))
    parts.append(text(x, 16, shown, "lab strong", "middle"))
    return svg(width, height, label, parts)
