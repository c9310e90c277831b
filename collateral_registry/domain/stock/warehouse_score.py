"""Reliability of a warehouse: a score and a haircut computed from its counts and late reports.

The model is described in docs/models/warehouse-reliability.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HAIRCUT_STEP = 0.0001
"""The haircut is rounded up to this step, so that negligible changes do not cause revaluations."""


@dataclass(frozen=True)
class Record:
    """Statistics of a warehouse: its counts within the policy's period, and all movements that it has reported.

    ``shrinkage_rate`` is the mean share of the booked quantity by which counts were short.
    """

    count_lines: int
    shrinkage_rate: float
    movements: int
    late: int
    lateness_seconds: int

    @property
    def late_share(self) -> float:
        """Share of the movements that were reported more than a day after they happened."""
        return self.late / self.movements if self.movements else 0.0

    @property
    def mean_lateness_seconds(self) -> float:
        """Mean delay between a movement and its report, in seconds."""
        return self.lateness_seconds / self.movements if self.movements else 0.0


@dataclass(frozen=True)
class ReliabilityRules:
    """The policy's shrinkage multiple, lateness weight and maximum haircut."""

    shrinkage_multiple: float
    lateness_weight: float
    haircut_limit: float


@dataclass(frozen=True)
class Reliability:
    """Score from 0 (unreliable) to 1 (reliable), and the haircut as a share of value."""

    score: float
    haircut: float


def reliability(record: Record, rules: ReliabilityRules) -> Reliability:
    """Computes haircut = min(limit, multiple x shrinkage rate + weight x late share) and score = 1 - haircut / limit.

    The haircut is rounded up to HAIRCUT_STEP. It rises with shrinkage and lateness. It is 0 if the warehouse has no
    record.
    """
    raw = rules.shrinkage_multiple * record.shrinkage_rate + rules.lateness_weight * record.late_share
    stepped = math.ceil(round(raw / HAIRCUT_STEP, 6)) * HAIRCUT_STEP
    haircut = min(round(stepped, 4), rules.haircut_limit)
    return Reliability(1.0 - haircut / rules.haircut_limit if rules.haircut_limit else 1.0, haircut)
