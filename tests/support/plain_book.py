"""A reference model of the book in dictionaries: the expected effect of stock, counts, prices, balances and pledges."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from benchmarks.chaos.scenario import MILLIONTHS, Model, Place

MINOR = 100
TOLERANCE_DIVISOR = 200
"""Inverse of the default policy's count_tolerance: a count within half a percent of the book agrees."""

TARGET = Decimal("0.99")
"""Largest LTV after a release: the default policy's margin_call less its buffer."""


@dataclass
class PlainBook:
    """Lots by place, assets by the place of their lot, loans by id; quantities in millionths, money in minor units."""

    price: Decimal
    """Price in use."""
    linked: frozenset[Place]
    stock: Model = field(default_factory=Model)
    counted: dict[Place, int] = field(default_factory=dict)
    """Quantities of the newest counts, which every movement precedes: late ones are held against the count."""
    quantity: dict[Place, int] = field(default_factory=dict)
    owed: dict[str, int] = field(default_factory=dict)
    pledged: dict[str, set[Place]] = field(default_factory=dict)
    quarantined: list[Decimal] = field(default_factory=list)
    """Prices in quarantine that are newer than the one in use."""

    def count(self, place: Place, counted: int) -> None:
        """Stores the quantity of a count."""
        self.counted[place] = counted

    def sync(self, places: Iterable[Place] | None = None) -> None:
        """Gives the linked assets at the places, or everywhere, the quantity that their lot has available."""
        for place in self.linked if places is None else self.linked.intersection(places):
            self.quantity[place] = self._available(place)

    def _available(self, place: Place) -> int:
        """Returns the counted quantity if it is short of the booked one beyond the tolerance, else the booked one."""
        booked = self.stock.lots[place]
        counted = self.counted.get(place, booked)
        return max(0, counted if booked - counted > booked // TOLERANCE_DIVISOR else booked)

    def market_minor(self, loan: str) -> Decimal:
        """Returns the exact market value of the pledged lots of a loan."""
        return sum((self._value(place) for place in self.pledged[loan]), Decimal(0))

    def lendable_minor(self, places: set[Place], share: dict[str, Decimal]) -> Decimal:
        """Returns the lendable value of lots, given the lendable share of value in each warehouse."""
        return sum((self._value(place) * share[place[0]] for place in places), Decimal(0))

    def most_owed(self, places: set[Place], share: dict[str, Decimal]) -> Decimal:
        """Returns the largest exposure for which a release may leave only these lots, by the lowest newer price."""
        lowest = min([self.price, *self.quarantined])
        return TARGET * self.lendable_minor(places, share) * lowest / self.price

    def is_free(self, place: Place) -> bool:
        """Returns whether no loan has the lot as collateral."""
        return all(place not in places for places in self.pledged.values())

    def _value(self, place: Place) -> Decimal:
        return Decimal(self.quantity[place]) / MILLIONTHS * self.price * MINOR
