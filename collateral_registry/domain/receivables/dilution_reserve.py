"""The share of what a pool lends that is reserved for dilution, where the policy has dilution act as a reserve."""

from __future__ import annotations

import math

import numpy as np

from collateral_registry.domain.receivables.pool_facts import PoolFacts, PoolTerms
from collateral_registry.domain.receivables.rule_numbers import DilutionPlace, ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY
from valuation.money import PPM
from valuation.receivables.dilution import Dilution, dilution_reserve_ratio
from valuation.receivables.dilution_estimate import DAYS_PER_MONTH, horizon_ratio


def horizon_sales_minor(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> int:
    """Returns the sales of the dilution horizon, in which credits are still to come: the lag, at least a month.

    An invoice whose day of issue is not stated counts, and one in another currency than the pool's does not.
    """
    ledger = pool.ledger
    months = max(numbers.days("dilution_lag_months"), 1)
    counts = (ledger.issue_day == NO_DAY) | (ledger.issue_day > day - months * DAYS_PER_MONTH)
    return int(ledger.face_minor[counts & pool.is_own_currency].sum())


def reserved_ppm(
    terms: PoolTerms, numbers: ReceivableNumbers, sales_minor: int, eligible_minor: int, lendable_minor: int
) -> int:
    """Returns the share of the lendable amount to reserve in millionths, rounded up, at most all of it.

    ``sales_minor`` are those of the dilution horizon. The dilution is the estimated one, or the policy's number.
    """
    if numbers.dilution_place is not DilutionPlace.RESERVE or not eligible_minor or not lendable_minor:
        return 0
    stand_in = numbers.share("dilution_stand_in")
    is_estimated = not math.isnan(terms.dilution)
    dilution = Dilution(terms.dilution, terms.dilution_spike) if is_estimated else Dilution(stand_in, stand_in)
    horizon = horizon_ratio(np.array([sales_minor]), 1, eligible_minor)
    ratio = dilution_reserve_ratio(dilution, numbers.share("dilution_stress"), horizon)
    return min(math.ceil(ratio * eligible_minor / lendable_minor * PPM), PPM)
