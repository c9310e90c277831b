"""What a model of the value forecast is told: the past of a series, and the dates it is asked about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Dates, Float


@dataclass(frozen=True)
class Past:
    """Log prices [n] with their dates [n], oldest first, and the dates ahead [H], which a calendar tells."""

    logs: Float
    dates: Dates
    ahead: Dates

    @property
    def steps(self) -> int:
        """Dates ahead."""
        return len(self.ahead)

    def newest(self, count: int) -> Past:
        """The same with no more than so many of the newest prices."""
        return Past(self.logs[-count:], self.dates[-count:], self.ahead)


def past_at(logs: Float, dates: Dates, row: int, step_days: int, steps: int) -> Past:
    """What is known when the price of a row is the newest, with so many steps ahead."""
    return Past(logs[: row + 1], dates[: row + 1], dates_ahead(dates[row], step_days, steps))


def dates_ahead(last: np.datetime64, step_days: int, steps: int) -> Dates:
    """Dates 1..H steps of so many business days after the last one; Saturdays and Sundays are left out."""
    horizons = step_days * np.arange(1, steps + 1, dtype=np.int64)
    return np.asarray(np.busday_offset(last, horizons, roll="backward"))
