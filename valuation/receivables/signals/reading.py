"""The reading of a signal: its value, the threshold above which it is an alarm, and the records that it rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Int

NONE = np.empty(0, dtype=np.int64)
"""No rows."""


@dataclass(frozen=True)
class Reading:
    """What a signal shows: ``invoices`` and ``receipts`` are rows of the ledger's tables, the evidence for a person."""

    value: float
    threshold: float
    invoices: Int
    receipts: Int

    @property
    def is_alarm(self) -> bool:
        """Whether the value exceeds the threshold."""
        return self.value > self.threshold
