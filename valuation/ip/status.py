"""What the legal status of a right does to its value, on the same day."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Int
from valuation.checks import require
from valuation.flags import UnknownReason, ZeroReason


class LegalStatus(IntEnum):
    """Legal status; the numbers are stored."""

    UNKNOWN = 0
    PENDING = 1
    IN_FORCE = 2
    LAPSED = 3
    INVALIDATED = 4
    EXPIRED = 5
    DISPUTED = 6


UNCERTAIN = (LegalStatus.UNKNOWN, LegalStatus.PENDING, LegalStatus.DISPUTED)
"""Statuses under which nobody can say whether there is a right to sell."""


def status_effect(
    status: NDArray[np.int8], expiry: NDArray[np.datetime64], valuation_date: np.datetime64
) -> tuple[Int, Int]:
    """Bits of ZeroReason and of UnknownReason for each right [n].

    Lapsed and invalidated rights are worth nothing, a stated fact. A right past its last day is unknown until its
    office says more, and so is one that is pending, disputed or of unknown status. NaT is no stated last day.
    Raises InvalidInput for a status that is not a LegalStatus.
    """
    require("status", status, np.isin(status, list(LegalStatus)), "a LegalStatus, 0 to 6")
    zero = np.where(status == LegalStatus.LAPSED, int(ZeroReason.LAPSED), 0)
    zero |= np.where(status == LegalStatus.INVALIDATED, int(ZeroReason.INVALIDATED), 0)
    ended = (status == LegalStatus.EXPIRED) | (expiry < valuation_date)
    unknown = np.where(ended, int(UnknownReason.RIGHT_EXPIRED), 0)
    unknown |= np.where(np.isin(status, UNCERTAIN), int(UnknownReason.STATUS_UNCERTAIN), 0)
    return zero.astype(np.int64), unknown.astype(np.int64)
