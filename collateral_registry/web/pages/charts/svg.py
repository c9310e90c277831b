"""Elements of SVG. Texts are escaped.

Each class is also written as attributes, which a style sheet overrides: where none is read, as in a PDF, they show.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from collateral_registry.exports.levels import MARKS, UNKNOWN_LINE

_LINE = {"fill": "none", "stroke": "#65717c", "stroke-width": "1"}
_TEXT = {"font-size": "12.5", "font-family": "Source Sans 3, sans-serif"}

WIDE_FROM = "\u2e80"
"""Characters from this one on, such as Chinese ones, are as wide as two."""

PRINTED: dict[str, dict[str, str]] = {
    **{f"f{mark.quarters}": {"fill": mark.fill} for mark in MARKS.values() if mark.quarters is not None},
    "fu": {"fill": "url(#hatch)", "stroke": UNKNOWN_LINE},
    "axis": {"stroke": "#dcdad3", "stroke-width": "1"},
    "zero": {"stroke": "#65717c", "stroke-width": "1"},
    "dash": {**_LINE, "stroke-dasharray": "3 3"},
    "wf-link": {**_LINE, "stroke-dasharray": "2 2"},
    "owed": {"fill": "none", "stroke": "#17212b", "stroke-width": "2.2"},
    "lend": {"fill": "none", "stroke": "#0f4c6b", "stroke-width": "2"},
    "lend-a": {"fill": "#0f4c6b", "fill-opacity": "0.1"},
    "mkt": {"fill": "none", "stroke": "#9db6c3", "stroke-width": "1.6"},
    "wf": {"fill": "#0f4c6b"},
    "wf-cut": {"fill": "#9db6c3"},
    "dot": {"fill": "#0f4c6b", "stroke": "#ffffff"},
    "dot k3": {"fill": "#b5382c", "stroke": "#ffffff"},
    "mark": {"fill": "#17212b"},
    "limit k1": {**_LINE, "stroke": "#b98a12", "stroke-dasharray": "5 3"},
    "limit k2": {**_LINE, "stroke": "#dd7f38", "stroke-dasharray": "5 3"},
    "limit k3": {**_LINE, "stroke": "#b5382c", "stroke-dasharray": "5 3"},
    "limit k4": {**_LINE, "stroke": "#4b1237", "stroke-dasharray": "5 3"},
    "tick": {**_TEXT, "fill": "#65717c", "font-size": "12"},
    "lab": {**_TEXT, "fill": "#4a5763"},
    "lab strong": {**_TEXT, "fill": "#17212b", "font-weight": "600"},
}
"""Attributes of each class, in the light colours of the style sheet."""


def svg(width: float, height: float, label: str, parts: Iterable[Markup], kind: str = "") -> Markup:
    """Returns a picture with the text that stands for it."""
    opening = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}"{}>')
    return opening.format(_n(width), _n(height), label, _class(kind)) + Markup("").join(parts) + Markup("</svg>")


def standalone(chart: Markup) -> str:
    """Returns a chart as a file of its own, with the pattern that the pages define once."""
    pattern = Markup(
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line x1="0" y1="0" x2="0" y2="6" stroke="{}" stroke-width="1.6"/></pattern></defs>'
    ).format(UNKNOWN_LINE)
    opening, end, shapes = str(chart).partition(">")
    namespace = ' xmlns="http://www.w3.org/2000/svg"'
    return f"{opening}{namespace}{end}{pattern}{shapes}"


def rect(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    """Returns a rectangle."""
    shape = Markup('<rect x="{}" y="{}" width="{}" height="{}"{}/>')
    return shape.format(_n(x), _n(y), _n(max(width, 0)), _n(max(height, 0)), _styled(kind))


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """Returns a line."""
    shape = Markup('<line x1="{}" y1="{}" x2="{}" y2="{}"{}/>')
    return shape.format(_n(x1), _n(y1), _n(x2), _n(y2), _styled(kind))


def circle(x: float, y: float, radius: float, kind: str) -> Markup:
    """Returns a circle."""
    return Markup('<circle cx="{}" cy="{}" r="{}"{}/>').format(_n(x), _n(y), _n(radius), _styled(kind))


def path(points: Iterable[tuple[float, float]], kind: str, *, closed: bool = False) -> Markup:
    """Returns a line through points, or the area that it encloses."""
    drawn = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
    return Markup('<path d="M{}{}"{}/>').format(drawn, "Z" if closed else "", _styled(kind))


def text(x: float, y: float, content: str, kind: str, anchor: str = "start") -> Markup:
    """Returns a text."""
    placed = Markup(' text-anchor="{}"').format(anchor) if anchor != "start" else Markup("")
    return Markup('<text x="{}" y="{}"{}{}>{}</text>').format(_n(x), _n(y), placed, _styled(kind), content)


def fitted(label: str, width: int) -> str:
    """Returns a label, shortened if it is wider than a number of characters."""
    used = 0
    for place, character in enumerate(label):
        used += 2 if character >= WIDE_FROM else 1
        if used > width:
            return f"{label[: place - 1]}…"
    return label


def ticks(most: float, count: int = 4) -> list[float]:
    """Returns round numbers from 0 to at least a number, at most a few of them."""
    if most <= 0:
        return [0.0, 1.0]
    size = 1.0
    while size * count < most:
        size *= 10
    while size * count / 10 >= most:
        size /= 10
    step = next(one for one in (size / 5, size / 4, size / 2, size) if one * count >= most)
    return [step * n for n in range(count + 1) if step * (n - 1) < most]


def _styled(kind: str) -> Markup:
    attributes = Markup("").join(Markup(' {}="{}"').format(name, value) for name, value in PRINTED[kind].items())
    return _class(kind) + attributes


def _class(kind: str) -> Markup:
    return Markup(' class="{}"').format(kind) if kind else Markup("")


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
