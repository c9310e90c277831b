"""The five parts of a haircut, in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput

PART_NAMES = ("value", "market", "liquidity", "cost", "legal")
"""The parts in the order in which they act."""


@dataclass(frozen=True)
class HaircutParts:
    """Each part [n] in [0, 1], or NaN where it is missing; FX risk is inside ``market``.

    ``value`` is doubt about the value itself, ``market`` the fall of price until the sale, ``liquidity`` what selling
    this much moves the price, ``cost`` of keeping and selling, ``legal`` what the right may fail to bring.
    """

    value: Float
    market: Float
    liquidity: Float
    cost: Float
    legal: Float

    def __post_init__(self) -> None:
        """Raises InvalidInput for a part outside [0, 1] or columns of different length."""
        for name in PART_NAMES:
            part: Float = getattr(self, name)
            if part.shape != self.value.shape:
                raise InvalidInput(f"{name} haircut", f"{part.size} rows", f"{self.value.size}, as the value haircut")
            require_share(f"{name} haircut", part)

    def as_rows(self) -> tuple[Float, ...]:
        """The five columns in their order."""
        return (self.value, self.market, self.liquidity, self.cost, self.legal)


def require_share(field: str, column: Float) -> None:
    """Raises InvalidInput with the row of the first share outside [0, 1]; NaN is missing and passes."""
    outside = (column < 0.0) | (column > 1.0)
    if outside.any():
        row = int(np.argmax(outside))
        raise InvalidInput(f"{field}[{row}]", float(column[row]), "0 to 1")
