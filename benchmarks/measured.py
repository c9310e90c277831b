"""A figure with the floor it stands beside."""

from __future__ import annotations

import resource
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """What was measured, its floor in the same unit, and the most memory the measured process held."""

    measure: str
    value: float
    unit: str
    floor: float
    peak_mb: float


def peak_mb() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
