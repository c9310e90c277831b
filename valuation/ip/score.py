"""Quality score of an IP asset: selects a tier of parameters and caps, but never sets the value itself.

Indicators, weights, veto thresholds and tiers are read from data (``indicators.csv``, ``score_tiers.csv``). The caps
come from the lender's policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from valuation.errors import InvalidInput
from valuation.ip.events import RightState
from valuation.ip.status import LegalStatus
from valuation.packaged import read_table

SCORE_LOW, SCORE_HIGH = 0.0, 100.0


@dataclass(frozen=True)
class Indicator:
    """Quality indicator, with its group and its share of the total weight; a score below ``least`` is a veto."""

    group: str
    name: str
    weight: float
    least: float


@dataclass(frozen=True)
class Tier:
    """Parameters selected by a score of at least ``least_score`` (``score_tiers.csv``)."""

    name: str
    least_score: float
    cap_share: float
    royalty_place: float
    discount_premium: float


@dataclass(frozen=True)
class RightScore:
    """Score from 0 to 100, scores of the groups, selected tier, and vetoes."""

    score: float
    groups: Mapping[str, float]
    tier: Tier
    vetoes: tuple[str, ...]

    @property
    def cap_share(self) -> float:
        """Share of the policy cap for the kind of IP asset; 0 under a veto."""
        return 0.0 if self.vetoes else self.tier.cap_share


@cache
def indicators() -> tuple[Indicator, ...]:
    """Returns the shipped indicators, whose weights sum to 1."""
    return tuple(
        Indicator(row["group"], row["indicator"], float(row["weight"]), float(row["least"]))
        for row in read_table("valuation.ip", "indicators.csv")
    )


@cache
def tiers() -> tuple[Tier, ...]:
    """Returns the shipped tiers, best first."""
    return tuple(
        Tier(
            row["tier"],
            float(row["least_score"]),
            float(row["cap_share"]),
            float(row["royalty_place"]),
            float(row["discount_premium"]),
        )
        for row in read_table("valuation.ip", "score_tiers.csv")
    )


def score_right(given: Mapping[str, float], state: RightState) -> RightScore:
    """Returns the score of an IP asset from the value given for each indicator.

    The vetoes of the result follow from low values and from the state.

    Raises InvalidInput for an indicator that is missing, unknown, or outside 0 to 100.
    """
    known = indicators()
    names = {indicator.name for indicator in known}
    for name, value in given.items():
        if name not in names:
            raise InvalidInput("indicators", repr(name[:80]), "one of " + ", ".join(sorted(names)))
        if not SCORE_LOW <= value <= SCORE_HIGH:
            raise InvalidInput(f"indicators.{name}", value, f"{SCORE_LOW:g} to {SCORE_HIGH:g}")
    missing = sorted(names - set(given))
    if missing:
        raise InvalidInput("indicators", "no " + ", ".join(missing), "every indicator")
    total = sum(indicator.weight * given[indicator.name] for indicator in known)
    vetoes = [f"{one.name} below {one.least:g}" for one in known if given[one.name] < one.least]
    return RightScore(total, _groups(given), _tier(total), (*vetoes, *_vetoes_of(state)))


def _groups(given: Mapping[str, float]) -> Mapping[str, float]:
    """Returns the weighted mean of the indicators of each group."""
    sums: dict[str, list[float]] = {}
    for indicator in indicators():
        parts = sums.setdefault(indicator.group, [0.0, 0.0])
        parts[0] += indicator.weight * given[indicator.name]
        parts[1] += indicator.weight
    return MappingProxyType({group: total / weight for group, (total, weight) in sums.items()})


def _tier(score: float) -> Tier:
    return next(tier for tier in tiers() if score >= tier.least_score)


def _vetoes_of(state: RightState) -> list[str]:
    """Returns the vetoes that follow from the state of an IP asset, regardless of its score."""
    found = []
    if state.status is not LegalStatus.IN_FORCE:
        found.append(f"legal status {state.status.name}")
    if state.pledged_elsewhere:
        found.append("pledged elsewhere")
    if state.licensed_exclusively:
        found.append("licensed exclusively")
    return found
