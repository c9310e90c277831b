"""How far a warehouse can be relied on: from its counts and the lateness of its word to a share of the haircut.

Model page: docs/models/warehouse-reliability.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HAIRCUT_STEP = 0.0001
"""The haircut is rounded up to this step, so that a lot is not revalued for nothing."""


@dataclass(frozen=True)
class Record:
    """What is known of a warehouse: counts within the time looked at, and every movement it has told.

    ``shrinkage_rate`` is the mean share of the book that a count lacked, 0 where it lacked nothing.
    """

    count_lines: int
    shrinkage_rate: float
    movements: int
    late: int
    lateness_seconds: int

    @property
    def late_share(self) -> float:
        """Share of the movements told more than a day after they happened."""
        return self.late / self.movements if self.movements else 0.0

    @property
    def mean_lateness_seconds(self) -> float:
        """How late movements are told on average."""
        return self.lateness_seconds / self.movements if self.movements else 0.0


@dataclass(frozen=True)
class ReliabilityRules:
    """The policy's numbers: how often the shrinkage is taken, what lateness weighs, the most the haircut can be."""

    shrinkage_multiple: float
    lateness_weight: float
    haircut_limit: float


@dataclass(frozen=True)
class Reliability:
    """Score from 0 (not to be relied on) to 1, and the share of value not lent against."""

    score: float
    haircut: float


def reliability(record: Record, rules: ReliabilityRules) -> Reliability:
    """Haircut = min(limit, multiple x shrinkage rate + weight x late share), rounded up; score = 1 - haircut / limit.

    Rises with shrinkage and with lateness; 0 for a warehouse without a record.
    """
    raw = rules.shrinkage_multiple * record.shrinkage_rate + rules.lateness_weight * record.late_share
    stepped = math.ceil(round(raw / HAIRCUT_STEP, 6)) * HAIRCUT_STEP
    haircut = min(round(stepped, 4), rules.haircut_limit)
    return Reliability(1.0 - haircut / rules.haircut_limit if rules.haircut_limit else 1.0, haircut)
