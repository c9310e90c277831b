"""Parts to one haircut: each acts on what the others left, then the floor, then the cap (rules.md section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.errors import InvalidInput
from valuation.haircuts.parts import HaircutParts

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Composed:
    """The whole haircut [n] and the share of market value that may be lent; NaN where a part is missing."""

    kept: Float
    haircut: Float
    lendable_share: Float
    floor_binds: NDArray[np.bool_]
    cap_binds: NDArray[np.bool_]


def compose(parts: HaircutParts, floor: Float, cap: Float) -> Composed:
    """Kept = product of (1 - part); haircut = max(1 - kept, floor); lendable share = min(1 - haircut, cap).

    Multiplicative, so the order of the parts does not matter and the result stays in [0, 1]. Raises InvalidInput
    for a floor or cap outside [0, 1].
    """
    for name, column in (("floor", floor), ("cap", cap)):
        if ((column < 0.0) | (column > 1.0)).any():
            raise InvalidInput(name, float(column[(column < 0.0) | (column > 1.0)][0]), "0 to 1")
    kept = np.ones(len(parts.value), dtype=np.float64)
    for part in parts.as_rows():
        kept = kept * (1.0 - part)
    haircut = np.maximum(1.0 - kept, floor)
    share = np.minimum(1.0 - haircut, cap)
    return Composed(kept, haircut, share, floor > 1.0 - kept, cap < 1.0 - haircut)
