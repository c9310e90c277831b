"""Array type aliases used in signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Dates = NDArray[np.datetime64]
Texts = NDArray[Any]
"""Strings in an object array."""

Columns = Mapping[str, NDArray[Any]]
"""Columns of equal length, keyed by name."""
