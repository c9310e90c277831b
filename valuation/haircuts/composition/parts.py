"""The five haircut parts, in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput

PART_NAMES = ("value", "market", "liquidity", "cost", "legal")
"""The parts in the order in which they apply."""


@dataclass(frozen=True)
class HaircutParts:
    """Haircut parts [n] in [0, 1]; NaN where a part is missing.

    ``value`` covers uncertainty of the value itself, ``market`` a fall in price until the sale (including FX risk),
    ``liquidity`` the price impact of selling the quantity, ``cost`` the costs of storage and sale, and ``legal`` the
    loss if the security right cannot be fully enforced.
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
                raise InvalidInput(f"{name} haircut", f"{part.size} rows", f"{self.value.size} as in value")
            require_share(f"{name} haircut", part)

    def as_rows(self) -> tuple[Float, ...]:
        """Returns the five columns in the order of ``PART_NAMES``."""
        return (self.value, self.market, self.liquidity, self.cost, self.legal)


def require_share(field: str, column: Float) -> None:
    """Raises InvalidInput for the first row whose share is outside [0, 1]; NaN means missing and passes."""
    outside = (column < 0.0) | (column > 1.0)
    if outside.any():
        row = int(np.argmax(outside))
        raise InvalidInput(f"{field}[{row}]", float(column[row]), "0 to 1")
