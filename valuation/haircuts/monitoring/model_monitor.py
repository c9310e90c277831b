"""Monitoring of a haircut model: traffic-light status of its record, the resulting multiplier, and drift."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scipy.special import ndtri

from valuation.flags import QualityFlag
from valuation.haircuts.monitoring.daily_record import DailyRecord
from valuation.haircuts.monitoring.drift import drift
from valuation.statistics.coverage_tests import traffic_light

NO_STATUS = "none"
"""Status of a model whose history is too short to be judged."""

RAISING_STATUSES = ("amber", "red")
"""Traffic-light statuses that raise the losses of a curve, unless a model defines its own."""

WATCHED_TAIL = 0.01
"""Predictions are monitored at 99 %, as in Basel, for curves of any confidence. All confidences then have the same
multiplier, so a higher confidence never gives a smaller haircut."""

LARGEST_MULTIPLIER = 2.0
"""Upper limit of the multiplier on log losses; a model that needs more is unsuitable, which its flag states."""

FLAG_OF_STATUS = {"amber": QualityFlag.MODEL_AMBER, "red": QualityFlag.MODEL_RED}


@dataclass(frozen=True)
class Watch:
    """Monitoring result of a model on a series.

    ``status`` is the Basel traffic-light status and ``multiplier`` the factor on log losses. ``promises`` is the number
    of predictions, and ``exceedances`` counts the outcomes that were worse than predicted. ``drift`` is the drift
    statistic after the last price and ``variance`` the model's variance of the next return; both allow a new price to
    be judged without the history.
    """

    status: str
    multiplier: float
    exceedances: int
    promises: int
    drift: float
    variance: float

    @property
    def flags(self) -> QualityFlag:
        """The quality flag of the traffic-light status."""
        return FLAG_OF_STATUS.get(self.status, QualityFlag.NONE)


UNWATCHED = Watch(NO_STATUS, 1.0, 0, 0, 0.0, 0.0)
"""Result for a history that is too short to judge the model."""


def watch(record: DailyRecord, raising: Collection[str] = RAISING_STATUSES) -> Watch:
    """Judges a model by its record of predictions at ``WATCHED_TAIL``.

    Only the statuses in ``raising`` have a multiplier above 1.
    """
    promises = len(record.exceeded)
    if not promises:
        return UNWATCHED
    count = int(record.exceeded.sum())
    status = traffic_light(count, promises, WATCHED_TAIL).colour
    factor = multiplier(count, promises) if status in raising else 1.0
    return Watch(status, factor, count, promises, drift(record.scores).statistic, record.variance)


def multiplier(exceedances: int, promises: int) -> float:
    """Returns the factor on log losses for a number of exceedances, from 1 to LARGEST_MULTIPLIER.

    It is the normal quantile at ``WATCHED_TAIL`` divided by the normal quantile at the share of exceedances.

    The plus factors of the Basel traffic light are derived in the same way (Basel Committee, Supervisory framework for
    the use of backtesting, January 1996, table 2). For 5 to 10 exceedances of 250 at 1 % this gives 1.13, 1.18, 1.22,
    1.26, 1.29 and 1.33; the table has 1.13, 1.17, 1.22, 1.25, 1.28 and 1.33. Unlike the table, the multiplier
    continues to rise above ten exceedances.
    """
    share = exceedances / promises
    if share <= WATCHED_TAIL:
        return 1.0
    needed = float(ndtri(WATCHED_TAIL) / ndtri(share)) if share < 0.5 else LARGEST_MULTIPLIER
    return min(needed, LARGEST_MULTIPLIER)
