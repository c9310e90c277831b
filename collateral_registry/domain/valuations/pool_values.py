"""What pools of receivables bring and lend, as an input of their valuation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.receivables.pool_ladder import Ladder, PoolAmount
from collateral_registry.domain.shared.money import digits_of
from valuation._typing import Float, Int


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
    ``input_day`` is the day of the newest entry.
    """

    asset_row: Int
    conservative: PoolAmounts
    last_good: PoolAmounts
    unknown: Int
    unknown_part: Int
    quality: Int
    input_day: Int

    @classmethod
    def none(cls) -> PoolValues:
        """Returns empty columns, for no pools."""
        return pool_values([], [], [])


def pool_values(
    asset_row: Sequence[int], ladders: Sequence[Ladder], currency: Sequence[str], input_day: Sequence[int] = ()
) -> PoolValues:
    """Returns the values of pools [p], in major units of their currencies."""
    scale = np.array([10.0 ** digits_of(code) for code in currency], dtype=np.float64)
    return PoolValues(
        asset_row=np.array(asset_row, dtype=np.int64),
        conservative=_amounts([one.conservative for one in ladders], scale),
        last_good=_amounts([one.last_good for one in ladders], scale),
        unknown=np.array([one.unknown for one in ladders], dtype=np.int64),
        unknown_part=np.array([one.unknown_part for one in ladders], dtype=np.int64),
        quality=np.array([one.quality for one in ladders], dtype=np.int64),
        input_day=np.array(input_day, dtype=np.int64),
    )


def _amounts(sums: Sequence[PoolAmount], scale: Float) -> PoolAmounts:
    parts = {
        name: np.array([getattr(one.parts, name) for one in sums], dtype=np.float64)
        for name in ("value", "liquidity", "cost", "legal")
    }
    return PoolAmounts(
        amount=np.array([one.recoverable for one in sums], dtype=np.float64) / scale,
        lendable=np.array([one.lendable.total_minor for one in sums], dtype=np.float64) / scale,
        cap=np.array([one.cap for one in sums], dtype=np.float64),
        **parts,
    )
