"""A book in plain dictionaries: what stock, prices, balances and pledges must come to."""

from dataclasses import dataclass, field
from decimal import Decimal

from benchmarks.chaos.scenario import MILLIONTHS, Model, Place

MINOR = 100


@dataclass
class PlainBook:
    """Lots by place, assets by the place of their lot, loans by id; quantities in millionths, money in minor units."""

    price: Decimal
    stock: Model = field(default_factory=Model)
    quantity: dict[Place, int] = field(default_factory=dict)
    owed: dict[str, int] = field(default_factory=dict)
    pledged: dict[str, set[Place]] = field(default_factory=dict)

    def market_minor(self, loan: str) -> Decimal:
        """What the pledged lots of a loan would fetch, exactly."""
        tonnes = sum((Decimal(self.quantity[place]) for place in self.pledged[loan]), Decimal(0)) / MILLIONTHS
        return tonnes * self.price * MINOR

    def is_free(self, place: Place) -> bool:
        """Whether no loan has the lot."""
        return all(place not in places for places in self.pledged.values())
