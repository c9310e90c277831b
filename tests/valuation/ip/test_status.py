"""Legal status: lapsed or invalidated gives zero, an uncertain status gives unknown."""

from __future__ import annotations

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.flags import UnknownReason, ZeroReason
from valuation.ip.status import LegalStatus, status_effect

TODAY = np.datetime64("2026-06-30")
NEVER = np.datetime64("NaT", "D")


def effect(status: LegalStatus, expiry: np.datetime64 = NEVER) -> tuple[int, int]:
    """Returns the zero and unknown bits of one IP asset."""
    zero, unknown = status_effect(np.array([status], dtype=np.int8), np.array([expiry]), TODAY)
    return int(zero[0]), int(unknown[0])


@pytest.mark.parametrize(
    ("status", "zero", "unknown"),
    [
        (LegalStatus.IN_FORCE, 0, 0),
        (LegalStatus.LAPSED, ZeroReason.LAPSED, 0),
        (LegalStatus.INVALIDATED, ZeroReason.INVALIDATED, 0),
        (LegalStatus.EXPIRED, 0, UnknownReason.RIGHT_EXPIRED),
        (LegalStatus.PENDING, 0, UnknownReason.STATUS_UNCERTAIN),
        (LegalStatus.DISPUTED, 0, UnknownReason.STATUS_UNCERTAIN),
        (LegalStatus.UNKNOWN, 0, UnknownReason.STATUS_UNCERTAIN),
    ],
)
def test_each_status_has_its_effect(status: LegalStatus, zero: int, unknown: int) -> None:
    assert effect(status) == (zero, unknown)


@pytest.mark.parametrize(
    ("expiry", "unknown"),
    [("2026-06-29", UnknownReason.RIGHT_EXPIRED), ("2026-06-30", 0), ("2026-07-01", 0)],
)
def test_an_ip_asset_is_in_force_through_its_expiry_date(expiry: str, unknown: int) -> None:
    assert effect(LegalStatus.IN_FORCE, np.datetime64(expiry)) == (0, unknown)


def test_several_reasons_are_combined() -> None:
    both = UnknownReason.RIGHT_EXPIRED | UnknownReason.STATUS_UNCERTAIN
    assert effect(LegalStatus.DISPUTED, np.datetime64("2020-01-01")) == (0, both)


def test_a_status_has_the_same_effect_alone_and_in_a_batch() -> None:
    statuses = list(LegalStatus)
    zero, unknown = status_effect(np.array(statuses, dtype=np.int8), np.full(len(statuses), NEVER), TODAY)
    assert list(zip(zero.tolist(), unknown.tolist(), strict=True)) == [effect(status) for status in statuses]


def test_an_undefined_status_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"status\[1\]: got 9, want a LegalStatus, 0 to 6"):
        status_effect(np.array([2, 9], dtype=np.int8), np.full(2, NEVER), TODAY)
