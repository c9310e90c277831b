"""Effect of the legal status of an IP asset on its value."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Int
from valuation.checks import require
from valuation.flags import UnknownReason, ZeroReason


class LegalStatus(IntEnum):
    """Legal status of an IP asset; the numeric values are stored."""

    UNKNOWN = 0
    PENDING = 1
    IN_FORCE = 2
    LAPSED = 3
    INVALIDATED = 4
    EXPIRED = 5
    DISPUTED = 6


UNCERTAIN = (LegalStatus.UNKNOWN, LegalStatus.PENDING, LegalStatus.DISPUTED)
"""Statuses under which it is uncertain whether a right exists that can be sold."""


def status_effect(
    status: NDArray[np.int8], expiry: NDArray[np.datetime64], valuation_date: np.datetime64
) -> tuple[Int, Int]:
    """Returns ZeroReason bits [n] and UnknownReason bits [n] of IP assets [n].

    Lapsed and invalidated IP assets have a value of 0. The value is unknown after the expiry date, and for a status of
    EXPIRED, PENDING, DISPUTED or UNKNOWN. An expiry of NaT means that no date is stated. Raises InvalidInput for a
    status that is not a LegalStatus.
    """
    require("status", status, np.isin(status, list(LegalStatus)), "a LegalStatus, 0 to 6")
    zero = np.where(status == LegalStatus.LAPSED, int(ZeroReason.LAPSED), 0)
    zero |= np.where(status == LegalStatus.INVALIDATED, int(ZeroReason.INVALIDATED), 0)
    ended = (status == LegalStatus.EXPIRED) | (expiry < valuation_date)
    unknown = np.where(ended, int(UnknownReason.RIGHT_EXPIRED), 0)
    unknown |= np.where(np.isin(status, UNCERTAIN), int(UnknownReason.STATUS_UNCERTAIN), 0)
    return zero.astype(np.int64), unknown.astype(np.int64)
