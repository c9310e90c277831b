"""Builds event columns from the judgements of the loans."""

from __future__ import annotations

import numpy as np

from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Write
from valuation._typing import Int

JUDGED = (
    "loan_key",
    "level",
    "coverage_unknown",
    "exposure_minor",
    "market_minor",
    "lendable_minor",
    "basis",
    "cash_cure_minor",
    "collateral_cure_minor",
    "deadline_day",
    "used_minor",
    "base_minor",
)
"""Columns of the judgement that an event repeats."""


def pending_columns(judged: Columns, kind: Int, level_before: Int, breach_number: Int) -> Columns:
    """Returns one event per row [e] from the judgements of the loans [e]; breach number 0 means no breach."""
    return {
        **{name: judged[name] for name in JUDGED},
        "kind": kind,
        "level_before": level_before,
        "breach_number": breach_number,
    }


def stamped(events: Columns, write: Write, note: str = "") -> Columns:
    """Returns the events [e] with the business date, time and actor of the change, and the note."""
    count = len(events["kind"])
    return {
        **events,
        "market_day": np.full(count, write.market_day, dtype=np.int64),
        "event_us": np.full(count, write.known_us, dtype=np.int64),
        "actor": [write.actor] * count,
        "note": [note] * count,
    }


def event_columns(
    judged: Columns, kind: Int, level_before: Int, breach_number: Int, write: Write, note: str = ""
) -> Columns:
    """Returns the complete events [e] of this change, built from the judgements of their loans [e]."""
    return stamped(pending_columns(judged, kind, level_before, breach_number), write, note)
