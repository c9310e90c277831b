"""How levels look wherever no style sheet is read: a colour, its ink, and a dial that fills by quarters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """The look of a level: quarters of its dial that are full, or None for what is unknown."""

    quarters: int | None
    fill: str
    ink: str


UNKNOWN_LINE = "#5b62a8"
"""Colour of the outline of what is unknown."""

MARKS = {
    "NONE": Mark(0, "#e1e8eb", "#3d4a54"),
    "WATCH": Mark(1, "#edbd52", "#3d2c00"),
    "MARGIN_CALL": Mark(2, "#dd7f38", "#2e1500"),
    "STOP_DRAW": Mark(3, "#b5382c", "#ffffff"),
    "LIQUIDATION": Mark(4, "#4b1237", "#ffffff"),
    "UNKNOWN": Mark(None, "#ffffff", "#3a3f73"),
}
"""Marks by the names of the contract, in the light colours of the pages."""
