"""A revaluation of the whole book: its states, its steps, and how the book is cut into partitions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from collateral_registry.domain.prices.market_data import CurveNeed
from valuation._typing import Int

PARTITION_ASSETS = 20_000
"""Assets valued in one partition, give or take one loan's pool: bounds the memory of a worker and a transaction."""

PARTITION_CURVES = 64
"""Haircut curves made in one partition: half a second of work."""


class RunState(IntEnum):
    """How far a run is; the numbers are stored."""

    STARTED = 1
    RUNNING = 2
    PUBLISHED = 3
    ABANDONED = 4


class RunStep(IntEnum):
    """What a partition does; the numbers are stored, and a step begins when the one before is done."""

    CURVES = 1
    LOANS = 2
    UNPLEDGED = 3


@dataclass(frozen=True)
class Partition:
    """A part of a run: the loans (or the assets that secure none) whose keys lie between two, or some curves."""

    number: int
    step: RunStep
    first_key: int
    last_key: int
    needs: tuple[CurveNeed, ...] = ()


def cut(keys: Int, weights: Int, limit: int) -> list[tuple[int, int]]:
    """Ranges of keys (first, last), in order, whose weights [k] sum to about the limit; a key is never cut."""
    if not len(keys):
        return []
    filled = (np.cumsum(weights) - weights) // limit
    starts = np.flatnonzero(np.append(True, filled[1:] != filled[:-1]))
    ends = np.append(starts[1:], len(keys)) - 1
    return list(zip(keys[starts].tolist(), keys[ends].tolist(), strict=True))
