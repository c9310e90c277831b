"""Quality flags of estimates from comparable sales, as bit sets that fit in a column.

The numbers are stored and exported: never renumber them, only add new ones.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray


class EstimateFlag(IntFlag):
    """Limitation of an estimate, or an input value that was rejected."""

    NONE = 0
    HOURS_UNKNOWN = 1 << 0
    AGE_UNKNOWN = 1 << 1
    CONDITION_UNKNOWN = 1 << 2
    MODEL_UNSEEN = 1 << 3
    FAMILY_UNSEEN = 1 << 4
    CLASS_UNSEEN = 1 << 5
    AGE_EXTRAPOLATED = 1 << 6
    HOURS_EXTRAPOLATED = 1 << 7
    AFTER_TRAINING = 1 << 8
    BEFORE_TRAINING = 1 << 9
    HOURS_IMPOSSIBLE = 1 << 10
    BUILD_YEAR_IMPOSSIBLE = 1 << 11
    BUILT_AFTER_SALE = 1 << 12
    REFERENCE_MISSING = 1 << 13
    DATE_MISSING = 1 << 14
    PRICE_IMPOSSIBLE = 1 << 15
    CATEGORY_UNSEEN = 1 << 16
    HOURS_FELL = 1 << 17
    HOURS_TOO_FAST = 1 << 18
    CONDITION_IMPROVED = 1 << 19
    BUILD_YEAR_CHANGED = 1 << 20


class Step(IntEnum):
    """Narrowest level of the hierarchy that has comparables. Members are ordered from narrow to wide.

    The numeric values are stored.
    """

    MODEL = 0
    FAMILY = 1
    CLASS = 2
    ALL = 3


def words_of(flags: NDArray[np.int64]) -> list[str]:
    """Returns the flag names of each row [n], joined by a vertical bar; empty where no flag is set."""
    distinct, row = np.unique(flags, return_inverse=True)
    words = ["|".join(flag.name or "" for flag in EstimateFlag(int(bits))) for bits in distinct]
    return [words[place] for place in row]
