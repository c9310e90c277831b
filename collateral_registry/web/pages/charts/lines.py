"""Lines through time, and the number of loans beyond their limits by a fall of all collateral."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from collateral_registry.web.pages.charts.svg import circle, line, path, svg, text, ticks

MONTHS_SHOWN = 8


@dataclass(frozen=True)
class Line:
    """Values by day, oldest first, with the name that stands at its end."""

    label: str
    kind: str
    points: Sequence[tuple[date, float]]
    is_filled: bool = False


def lines(drawn: Sequence[Line], label: str, month: str, marked: Sequence[tuple[date, float]] = ()) -> Markup:
    """Returns lines on one scale from 0, with ``marked`` points apart from them.

    ``month`` is the format of a month, with y and m.
    """
    left, right, base, top = 62.0, 610.0, 262.0, 14.0
    all_points = [point for one in drawn for point in one.points] + list(marked)
    days = [day.toordinal() for day, _ in all_points]
    first, last = min(days), max(days)
    marks = ticks(max(value for _, value in all_points))

    def at(point: tuple[date, float]) -> tuple[float, float]:
        across = (point[0].toordinal() - first) / ((last - first) or 1)
        return left + across * (right - left), base - point[1] / marks[-1] * (base - top)

    parts = []
    for mark in marks:
        y = base - mark / marks[-1] * (base - top)
        parts += [line(left, y, right, y, "axis"), text(left - 6, y + 4, _short(mark), "tick", "end")]
    for day in month_starts(first, last):
        shown = month.format(y=day.year % 100, m=day.month)
        parts.append(text(at((day, 0))[0], base + 18, shown, "tick", "middle"))
    taken: list[float] = []
    for one in drawn:
        places = [at(point) for point in one.points]
        if one.is_filled and len(places) > 1:
            parts.append(path([*places, (places[-1][0], base), (places[0][0], base)], "lend-a", closed=True))
        parts.append(path(places, one.kind))
        y = free_place(places[-1][1] + 4, taken)
        taken.append(y)
        parts.append(text(right + 6, y, one.label, "lab strong"))
    parts += [circle(*at(point), 4, "dot k3") for point in marked]
    return svg(720, 290, label, parts)


def fall_curve(counts: Sequence[int], marked: int, label: str) -> Markup:
    """Returns the number of loans beyond their limits by fall, one a point of percent from 0; one fall is marked."""
    width, base, top = 260.0, 48.0, 6.0
    most = max(counts) or 1
    places = [(width * n / (len(counts) - 1), base - count / most * (base - top)) for n, count in enumerate(counts)]
    x, y = places[marked]
    parts = [
        path([*places, (width, base), (0, base)], "lend-a", closed=True),
        path(places, "lend"),
        line(x, y, x, base, "dash"),
        circle(x, y, 4, "dot k3"),
        line(0, base, width, base, "axis"),
    ]
    return svg(width, 56, label, parts)


def month_starts(first: int, last: int) -> list[date]:
    """Returns the first days of months between two days, at most a few of them."""
    start, end = date.fromordinal(first), date.fromordinal(last)
    count = (end.year - start.year) * 12 + end.month - start.month
    found = [date(start.year + (start.month + n) // 12, (start.month + n) % 12 + 1, 1) for n in range(count)]
    return found[:: max(1, -(-len(found) // MONTHS_SHOWN))]


def _short(value: float) -> str:
    """Returns a number of an axis in at most a few characters."""
    for size, unit in ((1e9, "bn"), (1e6, "m"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):g} {unit}"
    return f"{value:g}"


def free_place(y: float, taken: Sequence[float]) -> float:
    """Returns the nearest place for a text above or at a height where no other text stands."""
    while any(abs(y - other) < 14 for other in taken):
        y -= 4
    return y
