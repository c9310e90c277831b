"""Items that were read from a file, with their lines, and what every kind of file has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Generic, TypeVar

from collateral_partner.feed_mapping import FeedMapping
from collateral_partner.feeds.codec import Item
from collateral_partner.tables.canonical import UndecidedColumn
from collateral_partner.tables.errors import InvalidInput
from collateral_partner.tables.reader import Table
from collateral_partner.times import Times, read_times

SHOWN_LETTERS = 40

ItemT = TypeVar("ItemT", bound=Item)


@dataclass
class ItemRows(Generic[ItemT]):
    """The items of a file, the line of each item by its id, and the refused rows with their reasons."""

    items: list[ItemT] = field(default_factory=list)
    line_of: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)

    def take(self, item: ItemT, line: int) -> None:
        """Adds an item of a line."""
        self.items.append(item)
        self.line_of[item.item_id] = line

    def refuse_pending(self, pending: Mapping[str, bytes], label: str) -> None:
        """Refuses the items whose ids are pending with other content; ``pending`` has the contents by id."""
        kept = []
        for one in self.items:
            if one.item_id not in pending or pending[one.item_id] == one.content:
                kept.append(one)
                continue
            line = self.line_of.pop(one.item_id)
            shown = f"{label}: got {one.item_id[:SHOWN_LETTERS]!r}, which is pending with other content"
            want = "the row as it was; once it is booked, a correction changes it"
            self.refused.append((line, f"{shown}, want {want}"))
        self.items = kept
        self.refused.sort(key=lambda one: one[0])


def repeated_row(place: str, item: Item, earlier: Item, rows: ItemRows[ItemT], words: tuple[str, str]) -> str:
    """Returns why a row with the id of an earlier one is refused; raises InvalidInput if their contents differ.

    ``place`` names the file, the line and the column. ``words`` are what is wanted, and the word for an item.
    """
    want, word = words
    got = f"{item.item_id[:SHOWN_LETTERS]!r} as in line {rows.line_of[earlier.item_id]}"
    if item.content != earlier.content:
        raise InvalidInput(place, f"{got}, with other content", want)
    label = place.rpartition(": ")[2]
    return f"{label}: got {got}, with the same content, want each {word} once; the first one counts"


def times_of(table: Table, cells: list[str], mapping: FeedMapping, day_zone: tzinfo | None = None) -> Times:
    """Returns the times of a table; raises InvalidInput if the order of day and month cannot be decided.

    A day without a time of day starts in ``day_zone``, by default in the zone of local times.
    """
    try:
        return read_times(cells, mapping.time_zone, mapping.time_formats, day_zone)
    except UndecidedColumn as error:
        place = f"{table.name}:{table.lines[error.at]}: {mapping.label('time')}"
        want = f"{error.want}, or their form in reading.time_format such as %d/%m/%Y"
        raise InvalidInput(place, error.got, want) from None
