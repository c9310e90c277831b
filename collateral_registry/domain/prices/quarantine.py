"""The quotes of a series in quarantine that are at least as new as the one in use."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Float, Int


@dataclass(frozen=True)
class Quarantine:
    """The lowest and the highest quote in quarantine and the day of the newest; None and NO_DAY if there is none."""

    low: float | None
    high: float | None
    day: int


NO_QUARANTINE = Quarantine(None, None, NO_DAY)


def newer_quarantine(days: Int, prices: Float, newest_day: int) -> Quarantine:
    """Returns those quotes in quarantine [k] that are at least as new as the newest quote in use.

    Older ones are overtaken: a newer quote was accepted without them.
    """
    newer = days >= newest_day
    if not newer.any():
        return NO_QUARANTINE
    return Quarantine(float(prices[newer].min()), float(prices[newer].max()), int(days[newer].max()))
