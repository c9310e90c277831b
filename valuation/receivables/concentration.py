"""Limits on the share of a pool that one debtor may have, in whole minor units.

The greatest solution of :func:`greatest_total` also gives the sublimits of a borrowing base, which limit the share of
an asset class in the same way.
"""

from __future__ import annotations

from enum import Enum
from math import gcd

import numpy as np

from valuation._typing import Int
from valuation.errors import InvalidInput
from valuation.money import PPM, check_amounts, mul_div_floor


class ConcentrationMode(Enum):
    """The amount of which a debtor's share is taken. Each mode keeps at most what the mode before it keeps."""

    NONE = "NONE"
    """No limit on shares, for pools of a single core firm."""
    GROSS = "GROSS"
    """The open amount of the pool before any exclusion."""
    ELIGIBLE = "ELIGIBLE"
    """The amount that the other rules leave."""
    FIXED_POINT = "FIXED_POINT"
    """The amount that remains after the limit itself: no debtor exceeds its share of the result."""


def kept_by_share(amount_minor: Int, share_ppm: Int, mode: ConcentrationMode, gross_minor: int) -> Int:
    """Returns what the limit leaves of each debtor's amount [d], rounded down to the minor unit.

    ``gross_minor`` is the open amount of the pool. Raises InvalidInput for a negative amount, a share outside 0 to 1,
    or a sum of 2^53 minor units or more.
    """
    _check(amount_minor, share_ppm)
    match mode:
        case ConcentrationMode.NONE:
            return amount_minor.copy()
        case ConcentrationMode.GROSS:
            base = gross_minor
        case ConcentrationMode.ELIGIBLE:
            base = int(amount_minor.sum())
        case ConcentrationMode.FIXED_POINT:
            base = greatest_total(amount_minor, share_ppm)
    return _within(amount_minor, share_ppm, base)


def greatest_total(amount_minor: Int, share_ppm: Int) -> int:
    """Returns the greatest whole T with ``T = sum of min(amount, floor(share x T))`` over amounts and shares [d].

    Raises InvalidInput as kept_by_share does.
    """
    _check(amount_minor, share_ppm)
    total = int(amount_minor.sum())
    # Every round returns an upper bound of T that caps at least one more debtor, until the caps no longer change.
    while (kept := _within(amount_minor, share_ppm, total)).sum() != total:
        capped = kept < amount_minor
        total = _solve(share_ppm[capped], int(amount_minor[~capped].sum()), total)
    return total


def _solve(share_ppm: Int, rest: int, start: int) -> int:
    """Returns the greatest whole T up to ``start`` with ``T = rest + sum of floor(share x T)``.

    Without rounding T would be ``rest / (1 - sum of shares)``. Rounding down lowers the right side by less than one
    unit for each share, which bounds how far below T can be. The shares also have a common denominator, the period:
    the excess of T over the right side falls by the same whole amount with every period by which T is reduced. Each
    remainder of T by the period therefore has at most one solution, and one period of candidates is enough.
    """
    shares, counts = np.unique(share_ppm, return_counts=True)
    unused_ppm = PPM - int((shares * counts).sum())
    period = span = PPM // gcd(PPM, *shares.tolist())
    if unused_ppm > 0:
        start = min(start, rest * PPM // unused_ppm)
        span = min(period, len(share_ppm) * PPM // unused_ppm + 2)
    candidates = start - np.arange(span, dtype=np.int64)
    excess = candidates - rest
    for share, count in zip(shares.tolist(), counts.tolist(), strict=True):
        excess -= count * mul_div_floor(candidates, np.asarray(share), PPM)
    solved = excess == 0
    fall = unused_ppm * period // PPM
    if fall > 0:
        solved = (excess >= 0) & (excess % fall == 0)
        candidates -= period * (excess // fall)
    return int(candidates[solved & (candidates >= 0)].max())


def _within(amount_minor: Int, share_ppm: Int, base_minor: int) -> Int:
    return np.minimum(amount_minor, mul_div_floor(np.asarray(base_minor), share_ppm, PPM))


def _check(amount_minor: Int, share_ppm: Int) -> None:
    check_amounts("amount_minor", amount_minor)
    if ((share_ppm < 0) | (share_ppm > PPM)).any():
        raise InvalidInput("share_ppm", share_ppm.tolist()[:10], f"0 to {PPM}")
