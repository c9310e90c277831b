"""What the results in a notebook have in common: a short text, an HTML table, a dict, and a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import IntFlag
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from valuation.extras import extra_module
from valuation.prices.cleaning import Cleaned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOTS_EXTRA = "plots"
"""Extra that installs matplotlib."""

FIGURE_INCHES = (10.0, 4.5)

EXACT_FROM = 1000.0
"""Size from which numbers are shown with two decimals instead of six significant digits."""


LISTED = 4
"""Longest list in the short text."""


class Result(ABC):
    """A result that shows itself in a notebook."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Returns the figures as plain Python values that can be written as JSON; None where a figure is unknown."""

    @abstractmethod
    def _draw(self, axes: Axes) -> None:
        """Draws the result on axes of matplotlib."""

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draws the result on ``axes``, or on a new figure, and returns the axes; raises MissingExtra."""
        axes = axes if axes is not None else new_axes()
        self._draw(axes)
        return axes

    def _figures(self) -> dict[str, Any]:
        """Returns the figures that the text and the HTML table show."""
        return self.to_dict()

    def __repr__(self) -> str:
        (main, figure), *others = self._figures().items()
        known = [(main, figure), *((name, value) for name, value in others if _is_short(value))]
        shown = ", ".join(f"{name}={_shown(value)}" for name, value in known)
        return f"{type(self).__name__}({shown})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align: left'>{escape(name)}</th><td>{escape(_shown(value))}</td></tr>"
            for name, value in self._figures().items()
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


def new_axes() -> Axes:
    """Returns the axes of a new figure, which a notebook shows below its cell; raises MissingExtra."""
    pyplot = extra_module(PLOTS_EXTRA, "matplotlib.pyplot")
    axes: Axes = pyplot.subplots(figsize=FIGURE_INCHES, layout="constrained")[1]
    return axes


def number(value: float) -> float | None:
    """Returns a number as a Python float; None if it is not finite."""
    return float(value) if isfinite(value) else None


def numbers_of(source: object, *names: str) -> dict[str, float | None]:
    """Returns the named numbers of a result; None for those that are not finite."""
    return {name: number(getattr(source, name)) for name in names}


def flag_names(flags: IntFlag) -> list[str]:
    """Returns the names of the flags that are set."""
    return [str(one.name) for one in type(flags) if one and one in flags]


def defects_of(cleaned: Cleaned) -> dict[str, int]:
    """Returns the number of quotes with each defect."""
    return {defect.name: len(rows) for defect, rows in cleaned.defects.items()}


def day_text(day: np.datetime64) -> str | None:
    """Returns a date in ISO format; None for NaT."""
    return None if np.isnat(day) else str(day.astype("datetime64[D]"))


def newest_day(cleaned: Cleaned) -> str | None:
    """Returns the date of the newest price; None without prices."""
    return day_text(cleaned.dates[-1]) if len(cleaned.dates) else None


def _is_short(value: object) -> bool:
    """Returns whether a value belongs in the short text: known, and neither empty nor a long list."""
    if isinstance(value, list | dict | str):
        return len(value) > 0 and not (isinstance(value, list) and len(value) > LISTED)
    return value is not None


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) >= EXACT_FROM else f"{value:.6g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(one) for one in value) + "]"
    return "unknown" if value is None else str(value)
