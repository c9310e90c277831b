"""Validation of input columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Bool
from valuation.errors import InvalidInput


def require(field: str, column: NDArray[Any], holds: Bool, want: str) -> None:
    """Raises InvalidInput for the first value of ``column`` where ``holds`` is false.

    The error names the field, the index, the value and the rule ``want``. NaN means unknown and always passes.
    """
    broken = np.asarray(~(holds | np.isnan(column)))
    if broken.any():
        at = np.unravel_index(int(np.argmax(broken)), broken.shape)
        place = f"[{', '.join(str(index) for index in at)}]" if at else ""
        raise InvalidInput(f"{field}{place}", np.broadcast_to(column, broken.shape)[at], want)
