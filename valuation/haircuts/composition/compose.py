"""Composition of haircut parts into one haircut, with a floor and a cap.

lendable share = min(1 - max(1 - product of (1 - part), floor), cap). The factors (1 - part) are multiplied, because
each loss applies to the value that remains after the others. The supervisory formula adds the parts instead and is
stricter (valuation/haircuts/supervisory/formulas.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float
from valuation.haircuts.composition.parts import HaircutParts, require_share


@dataclass(frozen=True)
class Composed:
    """Total haircut [n] and share of market value that may be lent; NaN where a part is missing.

    ``kept`` is the product of (1 - part), before floor and cap. ``floor_binds`` and ``cap_binds`` state whether the
    floor or the cap reduced the share.
    """

    kept: Float
    haircut: Float
    lendable_share: Float
    floor_binds: Bool
    cap_binds: Bool


def compose(parts: HaircutParts, floor: Float, cap: Float) -> Composed:
    """Composes the parts [n] with a floor on the haircut and a cap on the lendable share, each [n].

    Raises InvalidInput for a floor or cap outside [0, 1].
    """
    require_share("floor", floor)
    require_share("cap", cap)
    kept = np.multiply.reduce([1.0 - part for part in parts.as_rows()])
    parts_alone = 1.0 - kept
    haircut = np.maximum(parts_alone, floor)
    share = np.minimum(1.0 - haircut, cap)
    return Composed(kept, haircut, share, floor > parts_alone, cap < 1.0 - haircut)
