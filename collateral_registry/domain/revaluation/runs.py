"""Revaluation runs over the whole book: states, steps and partitions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from collateral_registry.domain.prices.market_data import CurveNeed
from valuation._typing import Int

PARTITION_ASSETS = 20_000
"""Approximate number of assets in a partition, which bounds a worker's memory and transaction. A loan is never
split."""

ENTRIES_AN_ASSET = 5
"""Entries of a pool's ledger that count as one more asset in the size of a partition."""

BLOCKS = 16
"""Blocks of keys into which the keys of a full partition of assets without a pledge are divided, to be weighed."""

PARTITION_CURVES = 64
"""Number of haircut curves that are estimated in one partition."""


class RunState(IntEnum):
    """State of a run; the numeric values are stored."""

    STARTED = 1
    RUNNING = 2
    PUBLISHED = 3
    ABANDONED = 4


class RunStep(IntEnum):
    """Kind of work of a partition; the numeric values are stored. A step starts when all previous steps have ended."""

    CURVES = 1
    LOANS = 2
    UNPLEDGED = 3


@dataclass(frozen=True)
class Partition:
    """A part of a run: a range of loan keys, a range of keys of unpledged assets, or a set of curves."""

    number: int
    step: RunStep
    first_key: int
    last_key: int
    needs: tuple[CurveNeed, ...] = ()


def cut(keys: Int, weights: Int, limit: int) -> list[tuple[int, int]]:
    """Divides keys, in their order, into ranges (first, last) whose weights [k] sum to about the limit.

    A range holds at least one key, even if the key's weight exceeds the limit.
    """
    if not len(keys):
        return []
    filled = (np.cumsum(weights) - weights) // limit
    starts = np.flatnonzero(np.append(True, filled[1:] != filled[:-1]))
    ends = np.append(starts[1:], len(keys)) - 1
    return list(zip(keys[starts].tolist(), keys[ends].tolist(), strict=True))
