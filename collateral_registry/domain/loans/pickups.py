"""Pick-up authorisations for goods of a pledged lot, and the search for the largest permitted quantity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput

PICKUP_DAYS = 5
"""Calendar days for which an authorisation is valid unless the request states an expiry."""

PICKUP_DAYS_LIMIT = 366
"""Largest number of days for which an authorisation may be valid."""


class PickupState(IntEnum):
    """State of an authorisation; the numeric values are stored and sent."""

    AUTHORISED = 1
    TAKEN = 2
    EXPIRED = 3
    CANCELLED = 4


@dataclass(frozen=True)
class Pickup:
    """An authorisation to remove a quantity until a day. The quantity is in millionths of the lot's unit.

    ``taken`` is the part that has already left.
    """

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
        """Validates every field; raises InvalidInput."""
        if self.quantity <= 0:
            raise InvalidInput("quantity", self.quantity, "more than 0")
        if not 0 <= self.taken <= self.quantity:
            raise InvalidInput("taken", self.taken, f"0 to {self.quantity}")
        checked_text("note", self.note, required=False)

    @property
    def leaving(self) -> int:
        """Quantity that may still leave, and therefore does not count as collateral."""
        return self.quantity - self.taken if self.state == PickupState.AUTHORISED else 0

    @property
    def untaken(self) -> int:
        """Quantity to which late-reported movements may still be assigned.

        Such movements happened while the authorisation was valid.
        """
        return 0 if self.state == PickupState.CANCELLED else self.quantity - self.taken


def largest_such(holds: Callable[[int], bool], guess: int, most: int) -> int:
    """Returns the largest whole number in [1, most] for which a monotone condition holds; 0 if it holds for none.

    If the condition holds for a number, it must hold for all smaller numbers. The search starts at ``guess`` and
    doubles its stride, so that an exact guess needs two evaluations.
    """
    low, high, stride = 0, most + 1, 1
    candidate = min(max(guess, 1), most)
    while high - low > 1:
        if holds(candidate):
            low = candidate
        else:
            high = candidate
        # Until the answer is bracketed on both sides, stride away from the guess; then bisect.
        following = low + stride if high > most else high - stride if low == 0 else (low + high) // 2
        candidate = min(max(following, low + 1), high - 1)
        stride *= 2
    return low
