"""The five parts of a haircut, in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.errors import InvalidInput

PART_NAMES = ("value", "market", "liquidity", "cost", "legal")
"""The parts in the order in which they act."""


@dataclass(frozen=True)
class HaircutParts:
    """Each part [n] in [0, 1], or NaN where it is missing; FX risk is inside ``market``."""

    value: NDArray[np.float64]
    market: NDArray[np.float64]
    liquidity: NDArray[np.float64]
    cost: NDArray[np.float64]
    legal: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Raises InvalidInput for a part outside [0, 1]."""
        for name in PART_NAMES:
            part = getattr(self, name)
            outside = (part < 0.0) | (part > 1.0)
            if outside.any():
                row = int(np.argmax(outside))
                raise InvalidInput(f"{name} haircut[{row}]", float(part[row]), "0 to 1")

    def as_rows(self) -> tuple[NDArray[np.float64], ...]:
        """The five columns in their order."""
        return (self.value, self.market, self.liquidity, self.cost, self.legal)
