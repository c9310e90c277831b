"""The watch over a haircut model: the light of its record, the multiplier it costs, and the drift of its surprises."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scipy.special import ndtri

from valuation.flags import QualityFlag
from valuation.haircuts.monitoring.daily_record import DailyRecord
from valuation.haircuts.monitoring.drift import drift
from valuation.statistics.coverage_tests import traffic_light

NO_LIGHT = "none"

RAISING_LIGHTS = ("amber", "red")
"""Lights that deepen a curve, unless a model is measured to do better otherwise."""

WATCHED_TAIL = 0.01
"""Promises are watched at 99 %, as in Basel, whatever confidence a curve is for: so every confidence has the same
multiplier, and a higher one never a smaller haircut."""

LARGEST_MULTIPLIER = 2.0
"""Most a light deepens log losses: a model that needs more is wrong, and its flag says so."""

FLAG_OF_LIGHT = {"amber": QualityFlag.MODEL_AMBER, "red": QualityFlag.MODEL_RED}


@dataclass(frozen=True)
class Watch:
    """Light and multiplier of a model on a series, exceedances behind it, and the state of the drift detector.

    ``drift`` is the cumulative sum after the last price and ``variance`` that of the next return by the model: with
    both a new price is judged without the history.
    """

    light: str
    multiplier: float
    exceedances: int
    promises: int
    drift: float
    variance: float

    @property
    def flags(self) -> QualityFlag:
        """What the light says to a reader."""
        return FLAG_OF_LIGHT.get(self.light, QualityFlag.NONE)


UNWATCHED = Watch(NO_LIGHT, 1.0, 0, 0, 0.0, 0.0)
"""Of a past too short to judge a model by."""


def watch(record: DailyRecord, raising: Collection[str] = RAISING_LIGHTS) -> Watch:
    """Judges a model by its record of promises at ``WATCHED_TAIL``.

    ``raising`` are the lights that cost a multiplier.
    """
    promises = len(record.exceeded)
    if not promises:
        return UNWATCHED
    count = int(record.exceeded.sum())
    light = traffic_light(count, promises, WATCHED_TAIL).colour
    factor = multiplier(count, promises) if light in raising else 1.0
    return Watch(light, factor, count, promises, drift(record.scores).statistic, record.variance)


def multiplier(exceedances: int, promises: int) -> float:
    """Normal quantile of ``WATCHED_TAIL`` over that of the share exceeded, at least 1.

    So the plus factors of the Basel traffic light were made (Basel Committee, Supervisory framework for the use of
    backtesting, January 1996, table 2): 5 to 10 exceedances of 250 at 1 % give 1.13, 1.18, 1.22, 1.26, 1.29 and 1.33,
    there 1.13, 1.17, 1.22, 1.25, 1.28 and 1.33. Goes on beyond ten instead of stopping there.
    """
    share = exceedances / promises
    if share <= WATCHED_TAIL:
        return 1.0
    needed = float(ndtri(WATCHED_TAIL) / ndtri(share)) if share < 0.5 else LARGEST_MULTIPLIER
    return min(needed, LARGEST_MULTIPLIER)
