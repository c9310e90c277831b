"""The one check of a column: where a known value breaks a rule, an error names field, row, value and rule."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation.errors import InvalidInput


def require(field: str, column: NDArray[Any], holds: NDArray[np.bool_], want: str) -> None:
    """Raises InvalidInput at the first value of ``column`` for which ``holds`` is false; NaN is unknown and passes."""
    broken = np.asarray(~(holds | np.isnan(column)))
    if broken.any():
        at = np.unravel_index(int(np.argmax(broken)), broken.shape)
        place = f"[{', '.join(str(index) for index in at)}]" if at else ""
        raise InvalidInput(f"{field}{place}", np.broadcast_to(column, broken.shape)[at], want)
