"""Goods that may be fetched from a pledged lot, and the search for the most that may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput

PICKUP_DAYS = 5
"""Calendar days that an authorisation holds when nothing else is asked."""

PICKUP_DAYS_LIMIT = 366


class PickupState(IntEnum):
    """What became of an authorisation; the numbers are stored and sent."""

    AUTHORISED = 1
    TAKEN = 2
    EXPIRED = 3
    CANCELLED = 4


@dataclass(frozen=True)
class Pickup:
    """An authorisation: so many millionths of a lot's unit may leave until a day."""

    pickup_id: str
    loan_id: str
    asset_id: str
    quantity: int
    unit: str
    expire: date
    taken: int = 0
    state: PickupState = PickupState.AUTHORISED
    note: str = ""

    def __post_init__(self) -> None:
        """Checks every field."""
        if self.quantity <= 0:
            raise InvalidInput("quantity", self.quantity, "more than 0")
        if not 0 <= self.taken <= self.quantity:
            raise InvalidInput("taken", self.taken, f"0 to {self.quantity}")
        checked_text("note", self.note, required=False)

    @property
    def leaving(self) -> int:
        """What may still leave, and so no longer counts."""
        return self.quantity - self.taken if self.state == PickupState.AUTHORISED else 0

    @property
    def untaken(self) -> int:
        """What a late movement within the days of the authorisation may still be held against."""
        return 0 if self.state == PickupState.CANCELLED else self.quantity - self.taken


def largest_such(holds: Callable[[int], bool], guess: int, most: int) -> int:
    """The largest whole number up to ``most`` for which something holds that holds for all smaller ones; else 0.

    Looks around the guess in doubling strides, so that a good guess costs two questions.
    """
    low, high, stride = 0, most + 1, 1
    at = min(max(guess, 1), most)
    while high - low > 1:
        if holds(at):
            low = at
        else:
            high = at
        onward = low + stride if high > most else high - stride if low == 0 else (low + high) // 2
        at = min(max(onward, low + 1), high - 1)
        stride *= 2
    return low
