"""The realisation test and the test of haircuts by what collateral brought (docs/disposals.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from collateral_registry.domain.disposals.results import ItemResult
from valuation.haircuts.backtesting.track_record import windows_needed
from valuation.statistics.coverage_tests import kupiec, traffic_light
from valuation.statistics.proportion_bounds import probability_of_at_most, upper_bound

VALUE_PERCENT = 70
"""Net proceeds below this percentage of the market value at the default are a hit."""

SHARE_LIMIT = 0.10
CONFIDENCE = 0.95
LIQUIDATIONS_LEAST = 20
"""Fewer finished liquidations prove nothing."""


class RealisationVerdict(IntEnum):
    """Result of the realisation test; the numeric values are sent."""

    NOT_YET_PROVED = 1
    PASSED = 2
    FAILED = 3


@dataclass(frozen=True)
class ClassRealisation:
    """The tests of a class; an empty class stands for all. Numbers that need observations are None without them."""

    asset_class: str
    liquidations: int
    below: int
    upper_bound: float
    probability: float
    verdict: RealisationVerdict
    open: int
    open_below: int
    related: int
    unvalued: int
    promises: int
    exceedances: int
    expected_exceedances: float
    kupiec_p: float | None
    light: str
    late: int

    @property
    def below_share(self) -> float | None:
        """Share of the finished liquidations below the limit; None if there are none."""
        return self.below / self.liquidations if self.liquidations else None


def realisation_tests(results: Sequence[ItemResult]) -> tuple[ClassRealisation, list[ClassRealisation]]:
    """Returns the tests of all liquidations, and of each class in the order of their names."""
    classes = sorted({result.item.asset_class for result in results})
    by_class = [_tested(name, [one for one in results if one.item.asset_class == name]) for name in classes]
    return _tested("", results), by_class


def verdict_of(below: int, count: int, open_below: int, open_count: int) -> RealisationVerdict:
    """Returns the verdict on finished liquidations and, so that slow cases do not flatter it, on the open ones too."""
    if count < LIQUIDATIONS_LEAST:
        return RealisationVerdict.NOT_YET_PROVED
    passes = below <= SHARE_LIMIT * count and below + open_below <= SHARE_LIMIT * (count + open_count)
    return RealisationVerdict.PASSED if passes else RealisationVerdict.FAILED


def _tested(asset_class: str, results: Sequence[ItemResult]) -> ClassRealisation:
    unrelated = [one for one in results if not one.buyer_related]
    valued = [one for one in unrelated if one.item.at_default.is_known and one.item.at_default.market_minor > 0]
    finished, unfinished = [one for one in valued if one.is_finished], [one for one in valued if not one.is_finished]
    below, open_below = sum(map(_is_below, finished)), sum(map(_is_below, unfinished))
    promises = [one for one in finished if one.item.at_default.lendable_minor > 0]
    exceedances = sum(one.net_minor < one.item.at_default.lendable_minor for one in promises)
    level, kupiec_p, light = _haircut_test(promises, exceedances)
    return ClassRealisation(
        asset_class=asset_class,
        liquidations=len(finished),
        below=below,
        upper_bound=upper_bound(below, len(finished), CONFIDENCE),
        probability=probability_of_at_most(below, len(finished), SHARE_LIMIT),
        verdict=verdict_of(below, len(finished), open_below, len(unfinished)),
        open=len(unfinished),
        open_below=open_below,
        related=len(results) - len(unrelated),
        unvalued=len(unrelated) - len(valued),
        promises=len(promises),
        exceedances=exceedances,
        expected_exceedances=level * len(promises),
        kupiec_p=kupiec_p,
        light=light,
        late=sum(map(_is_late, finished)),
    )


def _haircut_test(promises: Sequence[ItemResult], exceedances: int) -> tuple[float, float | None, str]:
    """Returns the expected share of exceedances, the p-value of the count, and its traffic-light status."""
    confidences = [float(one.item.confidence) for one in promises if one.item.confidence is not None]
    if not confidences or len(confidences) < len(promises):
        return 0.0, None, "none"
    level = 1.0 - sum(confidences) / len(confidences)
    light = traffic_light(exceedances, len(promises), level).colour
    confirms = len(promises) >= windows_needed(1.0 - level)
    return level, kupiec(exceedances, len(promises), level).p_value, light if confirms or light == "red" else "none"


def _is_below(result: ItemResult) -> bool:
    brought = result.net_minor + result.expected_minor
    return brought * 100 < VALUE_PERCENT * result.item.at_default.market_minor


def _is_late(result: ItemResult) -> bool:
    allowed = result.item.liquidation_days
    return allowed is not None and result.days is not None and result.days > allowed
