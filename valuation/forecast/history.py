"""Input of the forecast models: the history of a series and the dates to forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Dates, Float


@dataclass(frozen=True)
class History:
    """Log prices [n] with their dates [n], oldest first, and the dates to forecast [H]."""

    logs: Float
    dates: Dates
    ahead: Dates

    @property
    def steps(self) -> int:
        """Number of dates to forecast."""
        return len(self.ahead)

    def newest(self, count: int) -> History:
        """Returns the history limited to its newest ``count`` prices."""
        return History(self.logs[-count:], self.dates[-count:], self.ahead)


def history_at(logs: Float, dates: Dates, row: int, step_days: int, steps: int) -> History:
    """Returns the history up to and including ``row``, with ``steps`` dates to forecast."""
    return History(logs[: row + 1], dates[: row + 1], dates_ahead(dates[row], step_days, steps))


def dates_ahead(last: np.datetime64, step_days: int, steps: int) -> Dates:
    """Returns the dates [H] that are 1..H steps of ``step_days`` business days (Monday to Friday) after ``last``."""
    horizons = step_days * np.arange(1, steps + 1, dtype=np.int64)
    return np.asarray(np.busday_offset(last, horizons, roll="backward"))
