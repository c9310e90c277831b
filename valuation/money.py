"""Conversion of float amounts to money in int64 minor units; no other module converts.

Market values are rounded half to even, and lendable values are rounded down, in favour of the lender. Products of an
amount and a share are computed exactly in integers, so that ``4 200 000.00 x 0.60`` is ``2 520 000.00`` on every
machine.
"""

from __future__ import annotations

import numpy as np

from valuation._typing import Bool, Float, Int
from valuation.errors import InvalidInput

AMOUNT_LIMIT_MINOR = 2**53
"""Amounts at or above this limit are refused: beyond it float64 cannot represent every integer."""

PPM = 1_000_000
"""Parts per million: shares and ratios in the gRPC contract are whole numbers of this unit."""

SHARE_UNITS = 1_000_000_000
"""Units in a whole share: shares computed by models are rounded to nine decimals, because further digits are noise."""


def check_amounts(field: str, amounts_minor: Int) -> None:
    """Raises InvalidInput for a negative amount in minor units [n], or a sum at or above AMOUNT_LIMIT_MINOR."""
    # The sum is compared as a float, because a sum of integers could overflow and appear small.
    if (amounts_minor < 0).any() or float(amounts_minor.sum(dtype=np.float64)) >= AMOUNT_LIMIT_MINOR:
        raise InvalidInput(field, amounts_minor.tolist()[:10], "0 or more with a sum of less than 2^53")


def beyond_money(amounts: Float, digits: Int) -> Bool:
    """Returns whether amounts in major units [n] reach AMOUNT_LIMIT_MINOR at ``digits`` decimals; False for NaN."""
    return np.asarray(np.abs(np.nan_to_num(amounts, nan=0.0)) * np.power(10.0, digits) >= AMOUNT_LIMIT_MINOR - 0.5)


def to_minor(amounts: Float, digits: Int) -> Int:
    """Converts amounts in major units [n] to minor units [n], rounding half to even.

    ``digits`` [n] is the ISO 4217 exponent of each row's currency. NaN becomes 0, so callers must mask it. Raises
    InvalidInput for amounts of 2^53 minor units or more.
    """
    scaled = np.rint(np.nan_to_num(amounts, nan=0.0) * np.power(10.0, digits))
    too_large = np.abs(scaled) >= AMOUNT_LIMIT_MINOR
    if too_large.any():
        row = int(np.argmax(too_large))
        raise InvalidInput(f"amount[{row}]", float(amounts[row]), "less than 2^53 minor units")
    return scaled.astype(np.int64)


def mul_div(amount: Int, times: Int | int, over: Int | int) -> tuple[Int, Int]:
    """Returns the exact floor(amount x times / over) and its remainder for amount < 2^53, times and over up to 10^9.

    The amount is divided by ``over`` first. The product of the remainder and ``times`` is below 10^18 and fits int64.
    The product of the quotient and ``times`` fits whenever the result does.
    """
    if np.shape(amount) != np.shape(times):
        amount, times = np.broadcast_arrays(amount, times)
    # A division by a constant is several times as fast as np.divmod, and a large array is better used again than new.
    whole = np.asarray(amount // over, dtype=np.int64)
    rest = whole * over
    np.subtract(amount, rest, out=rest)
    rest *= times
    floor = rest // over
    whole *= times
    whole += floor
    floor *= over
    rest -= floor
    return whole, rest


def mul_div_floor(amount: Int, times: Int | int, over: Int | int) -> Int:
    """Returns the exact floor(amount x times / over), under the limits of :func:`mul_div`."""
    return mul_div(amount, times, over)[0]


def mul_div_ceil(amount: Int, times: Int | int, over: Int | int) -> Int:
    """Returns the exact ceil(amount x times / over), under the limits of :func:`mul_div`."""
    quotient, remainder = np.divmod(amount, over)
    return np.asarray(quotient * times - ((-remainder * times) // over), dtype=np.int64)


def share_of(amount_minor: Int, share: Float) -> Int:
    """Multiplies amounts [n] by shares [n] in [0, 1] and rounds down to the minor unit; a NaN share gives 0."""
    units = np.rint(np.nan_to_num(share, nan=0.0) * SHARE_UNITS).astype(np.int64)
    return mul_div_floor(amount_minor, units, SHARE_UNITS)


def allocate(total_minor: int, weight: Int) -> Int:
    """Divides a total into whole minor units in proportion to weights [n] by the largest remainder.

    The parts sum to the total. Of equal remainders the first row's is served first. Raises InvalidInput for a negative
    total or weight, or a total that no weight above 0 can bear.
    """
    if total_minor < 0:
        raise InvalidInput("total_minor", total_minor, "0 or more")
    if (weight < 0).any() or (total_minor > 0 and not weight.any()):
        raise InvalidInput("weight", weight.tolist()[:10], "0 or more with a positive sum")
    if not total_minor:
        return np.zeros(len(weight), dtype=np.int64)
    # Python integers: a product of two amounts exceeds int64.
    products = weight.astype(object) * total_minor
    sum_of_weights = sum(weight.tolist())
    parts = np.asarray(products // sum_of_weights, dtype=np.int64)
    remainders = np.asarray(products % sum_of_weights, dtype=np.int64)
    parts[np.argsort(-remainders, kind="stable")[: total_minor - int(parts.sum())]] += 1
    return parts
