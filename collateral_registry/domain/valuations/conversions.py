"""Exchange rates of valuations, with their paths, and what is unknown or in quarantine about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.valuations.base_values import BaseValues
from collateral_registry.domain.valuations.valuation_inputs import MarketFacts, TargetFacts
from valuation._typing import Float, Int, Texts
from valuation.flags import QualityFlag, UnknownReason


@dataclass(frozen=True)
class Conversions:
    """The exchange rate [t] of each target, its day and its path; 1, NO_DAY and "" without conversion.

    ``withheld`` is the share of the value that a newer, lower rate in quarantine would take away.
    """

    rate: Float
    day: Int
    path: Texts
    withheld: Float
    unknown: Int
    quality: Int


def conversions(base: BaseValues, targets: TargetFacts, market: MarketFacts, policy: Policy, day: int) -> Conversions:
    """Returns the conversion of each target [t] from the currency of its model's value, with its reasons and flags."""
    oldest = day - policy.rule_days("fx_max_age_days")
    count = len(targets.target_key)
    numbers = (np.zeros(count, dtype=np.int64) for _ in range(2))
    path = np.full(count, "", dtype=object)
    found = Conversions(np.ones(count), np.full(count, NO_DAY), path, np.zeros(count), *numbers)
    source = base.currency[targets.asset_row]
    for pair in {pair for pair in zip(source, targets.currency, strict=True) if pair[0] != pair[1]}:
        rows = (source == pair[0]) & (targets.currency == pair[1])
        found.quality[rows] = int(QualityFlag.FX_CONVERTED)
        quote = market.fx.get(pair)
        if quote is None:
            found.rate[rows], found.unknown[rows] = np.nan, int(UnknownReason.NO_FX)
            continue
        found.rate[rows], found.day[rows], found.path[rows] = quote.rate, quote.day, quote.path
        found.unknown[rows] = int(UnknownReason.STALE_FX) if quote.day < oldest else 0
        found.quality[rows] |= int(QualityFlag.FX_PATHS_DIFFER) if quote.paths_differ else 0
        if quote.quarantined is not None:
            found.withheld[rows] = 1.0 - quote.quarantined.low
            found.quality[rows] |= int(QualityFlag.NEWER_PRICE_QUARANTINED)
    return found
