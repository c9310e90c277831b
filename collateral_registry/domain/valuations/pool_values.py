"""What pools of receivables bring and lend, as an input of their valuation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.receivables.changes.computed_pool import Amount, ComputedPool, amounts_of
from collateral_registry.domain.receivables.dilution_reserve import reserved_ppm
from collateral_registry.domain.receivables.invoice_rules import unknown_reasons
from collateral_registry.domain.receivables.pool_facts import PoolTerms
from collateral_registry.domain.receivables.pool_ladder import is_verified
from collateral_registry.domain.receivables.pool_sums import PoolSums
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.money import digits_of
from valuation._typing import Float, Int
from valuation.flags import QualityFlag, UnknownReason


@dataclass(frozen=True)
class PoolAmounts:
    """One of the two sums of pools [p]; amounts are in major units of the asset's currency.

    ``amount`` is what is expected, ``lendable`` what the invoices lend. The parts are those that the pool's invoices
    keep together, and ``cap`` is the lendable share of the expected amount.
    """

    amount: Float
    lendable: Float
    value: Float
    liquidity: Float
    cost: Float
    legal: Float
    cap: Float


@dataclass(frozen=True)
class PoolValues:
    """Pools [p] with both sums; ``asset_row`` is the row of the asset.

    ``unknown`` holds the reasons for which a whole pool is unknown, ``unknown_part`` those for which a part of it is.
    ``input_day`` is the day of the newest entry. ``dilution_ppm`` and ``good_dilution_ppm`` are the shares of both sums
    that loans reserve for dilution.
    """

    asset_row: Int
    conservative: PoolAmounts
    last_good: PoolAmounts
    unknown: Int
    unknown_part: Int
    quality: Int
    input_day: Int
    dilution_ppm: Int
    good_dilution_ppm: Int

    def dilution_shares(self, assets: int) -> Int:
        """Returns both shares of each asset [2, a] that loans reserve for dilution; 0 for an asset that is no pool."""
        found = np.zeros((2, assets), dtype=np.int64)
        found[:, self.asset_row] = self.dilution_ppm, self.good_dilution_ppm
        return found

    @classmethod
    def none(cls) -> PoolValues:
        """Returns empty columns, for no pools."""
        return pool_values([], [], [])


@dataclass(frozen=True)
class PoolValue:
    """The value of one pool: both amounts, the reasons for which it or a part of it is unknown, flags and input day.

    The shares in millionths are those of both sums that loans reserve for dilution.
    """

    conservative: Amount
    last_good: Amount
    unknown: int
    unknown_part: int
    quality: int
    input_day: int
    dilution_ppm: int
    good_dilution_ppm: int


def pool_value(pool: ComputedPool, terms: PoolTerms, entry_day: int, numbers: ReceivableNumbers, day: int) -> PoolValue:
    """Returns the value of a whole pool on a day; ``entry_day`` is the day of its newest entry, or NO_DAY."""
    sums = pool.sums
    reasons = unknown_reasons(np.flatnonzero(sums.unknown[1]))
    is_known_in_part = sums.eligible_minor.any() or not sums.unknown[0].any()
    amounts = amounts_of(pool, terms, numbers, day)
    shares = [
        reserved_ppm(terms, numbers, sums.horizon_sales_minor, int(eligible), amount.lendable_minor)
        for eligible, amount in zip(sums.eligible_minor, amounts, strict=True)
    ]
    return PoolValue(
        *amounts,
        unknown=_unknown_pool(sums, terms, entry_day, numbers, day) | (0 if is_known_in_part else reasons),
        unknown_part=reasons,
        quality=_quality(sums, terms, reasons, numbers, day),
        input_day=day if entry_day == NO_DAY else entry_day,
        dilution_ppm=shares[0],
        good_dilution_ppm=shares[1],
    )


def _unknown_pool(sums: PoolSums, terms: PoolTerms, entry_day: int, numbers: ReceivableNumbers, day: int) -> int:
    """Returns the reasons for which the whole pool is unknown: no entry, one that is too old, or too large a sum.

    A registered invoice has no entries, and is unknown without an amount.
    """
    if terms.is_too_large:
        return int(UnknownReason.OUT_OF_RANGE)
    if not terms.is_fed:
        return 0 if sums.invoices else int(UnknownReason.MISSING_INPUT)
    if entry_day == NO_DAY:
        return int(UnknownReason.MISSING_INPUT)
    return int(UnknownReason.LEDGER_STALE) if day - entry_day > numbers.days("ledger_max_age_days") else 0


def _quality(sums: PoolSums, terms: PoolTerms, unknown_part: int, numbers: ReceivableNumbers, day: int) -> int:
    debtors, without_pd = sums.counted.tolist()
    flags = (
        (unknown_part != 0, QualityFlag.PART_UNKNOWN),
        (not is_verified(terms, numbers, day), QualityFlag.STAND_IN_PART),
        (bool(np.isnan(terms.dilution)), QualityFlag.DILUTION_STAND_IN),
        (debtors == 1, QualityFlag.SINGLE_DEBTOR),
        (not terms.is_disclosed, QualityFlag.UNDISCLOSED),
        (without_pd > 0, QualityFlag.PD_STAND_IN),
    )
    return sum(int(flag) for holds, flag in flags if holds)


def pool_values(asset_row: Sequence[int], values: Sequence[PoolValue], currency: Sequence[str]) -> PoolValues:
    """Returns the values of pools [p], in major units of their currencies."""
    scale = np.array([10.0 ** digits_of(code) for code in currency], dtype=np.float64)
    return PoolValues(
        asset_row=np.array(asset_row, dtype=np.int64),
        conservative=_amounts([one.conservative for one in values], scale),
        last_good=_amounts([one.last_good for one in values], scale),
        unknown=np.array([one.unknown for one in values], dtype=np.int64),
        unknown_part=np.array([one.unknown_part for one in values], dtype=np.int64),
        quality=np.array([one.quality for one in values], dtype=np.int64),
        input_day=np.array([one.input_day for one in values], dtype=np.int64),
        dilution_ppm=np.array([one.dilution_ppm for one in values], dtype=np.int64),
        good_dilution_ppm=np.array([one.good_dilution_ppm for one in values], dtype=np.int64),
    )


def _amounts(sums: Sequence[Amount], scale: Float) -> PoolAmounts:
    parts = {
        name: np.array([getattr(one.parts, name) for one in sums], dtype=np.float64)
        for name in ("value", "liquidity", "cost", "legal")
    }
    return PoolAmounts(
        amount=np.array([one.recoverable_minor for one in sums], dtype=np.float64) / scale,
        lendable=np.array([one.lendable_minor for one in sums], dtype=np.float64) / scale,
        cap=np.array([one.cap for one in sums], dtype=np.float64),
        **parts,
    )
