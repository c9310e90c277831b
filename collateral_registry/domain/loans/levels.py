"""Levels of loans, and when they are entered and left (rules.md section 3), in columns."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Int
from valuation.money import PPM


class Level(IntEnum):
    """Level of a loan: the highest LTV limit that it has reached; the numeric values are stored."""

    NONE = 0
    WATCH = 1
    MARGIN_CALL = 2
    STOP_DRAW = 3
    LIQUIDATION = 4


class LtvBasis(IntEnum):
    """The collateral value to which a loan's limits apply; the numeric values are stored."""

    LENDABLE = 1
    MARKET = 2


def target_ltv(margin_call_ppm: Int, buffer_ppm: Int) -> Int:
    """Returns the LTV [n], in millionths, to which cures bring a loan and which draws and releases keep.

    It is the margin call less the buffer, and below the margin call also if the policy has no buffer: a loan at the
    limit itself is in breach.
    """
    target: Int = margin_call_ppm - np.maximum(buffer_ppm, 1)
    return target


def loan_to_value(exposure: Int, pool: Int) -> NDArray[np.float64]:
    """Returns the LTV E / C [n]. It is infinite for an exposure without collateral, and 0 without exposure."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = exposure / pool
    return np.where(exposure == 0, 0.0, np.where(pool == 0, np.inf, ratio))


def level_of(ltv: NDArray[np.float64], limits_ppm: Int, buffer_ppm: Int, before: Int) -> Int:
    """Returns the level [n] for the LTV [n], the limits [n, 4], the buffer [n] and the previous level [n].

    A loan enters a level at its limit, and leaves it at the limit less the buffer. Each limit is computed by a
    single division of whole millionths, so that every machine finds the same level for a loan exactly at its limit.
    """
    entered = (ltv[:, None] >= limits_ppm / PPM).sum(axis=1)
    held = (ltv[:, None] > (limits_ppm - buffer_ppm[:, None]) / PPM).sum(axis=1)
    level: Int = np.maximum(entered, np.minimum(before, held)).astype(np.int64)
    return level
