"""What the legal status of a right does to its value, on the same day."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation.flags import UnknownReason, ZeroReason

Int = NDArray[np.int64]


class LegalStatus(IntEnum):
    """Legal status; the numbers are stored."""

    UNKNOWN = 0
    PENDING = 1
    IN_FORCE = 2
    LAPSED = 3
    INVALIDATED = 4
    EXPIRED = 5
    DISPUTED = 6


def status_effect(
    status: NDArray[np.int8], expire: NDArray[np.datetime64], valuation_date: np.datetime64
) -> tuple[Int, Int]:
    """Zero and unknown bits of each right [n].

    Lapsed and invalidated rights are worth nothing, a stated fact. A right past its last day is unknown until its
    office says more, and so is one that is pending, disputed or of unknown status.
    """
    zero = np.where(status == LegalStatus.LAPSED, int(ZeroReason.LAPSED), 0)
    zero |= np.where(status == LegalStatus.INVALIDATED, int(ZeroReason.INVALIDATED), 0)
    with np.errstate(invalid="ignore"):
        ended = (status == LegalStatus.EXPIRED) | (expire < valuation_date)
    uncertain = np.isin(status, [LegalStatus.UNKNOWN, LegalStatus.PENDING, LegalStatus.DISPUTED])
    unknown = np.where(ended, int(UnknownReason.RIGHT_EXPIRED), 0)
    unknown |= np.where(uncertain, int(UnknownReason.STATUS_UNCERTAIN), 0)
    return zero.astype(np.int64), unknown.astype(np.int64)
