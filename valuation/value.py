"""Computes market and lendable values in columns, from base values and haircut parts (rules.md section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float, Int
from valuation.flags import QualityFlag, UnknownReason
from valuation.haircuts.composition.compose import compose
from valuation.haircuts.composition.parts import HaircutParts
from valuation.money import beyond_money, share_of, to_minor


@dataclass(frozen=True)
class BaseColumns:
    """Model results for each asset [n]: base value, haircut parts and flags.

    ``amount`` is in major units of the target currency, NaN where the model has no value. ``adjustment`` is the factor,
    at most 1, by which a price that rose beyond its supported price counts. ``digits`` is the ISO 4217 exponent of the
    target currency. ``floor`` is the lower bound of the total haircut (NaN for none), and ``cap`` is
    the upper bound of the lendable share. ``unknown``, ``zero`` and ``quality`` are bit sets of valuation.flags.
    ``own_lendable`` is what the model itself lends of ``amount``, in major units of the target currency: NaN where the
    haircut decides, and None where it decides for every row.
    """

    amount: Float
    adjustment: Float
    digits: Int
    parts: HaircutParts
    floor: Float
    cap: Float
    unknown: Int
    zero: Int
    quality: Int
    own_lendable: Float | None = None


@dataclass(frozen=True)
class ValueColumns:
    """Market, adjusted and lendable values [n] in minor units, with the total haircut and the flags.

    Where ``unknown`` is set, all values are 0, which does not mean that the asset is worthless.
    """

    market_minor: Int
    adjusted_minor: Int
    lendable_minor: Int
    haircut: Float
    unknown: Int
    zero: Int
    quality: Int


def value(base: BaseColumns) -> ValueColumns:
    """Computes the market value, the adjusted value and the lendable value of every row.

    A stated zero takes precedence over an unknown, and an unknown takes precedence over a computed value.
    """
    zero = base.zero
    incomplete = np.isnan(np.vstack([*base.parts.as_rows(), base.cap])).any(axis=0)
    unknown = base.unknown.copy()
    for missing, reason in (
        (incomplete, UnknownReason.MISSING_PART),
        (np.isnan(base.amount), UnknownReason.MISSING_INPUT),
        (beyond_money(base.amount, base.digits), UnknownReason.OUT_OF_RANGE),
    ):
        # If the base value states a reason, no derived reason is added, because it would only repeat that reason.
        unknown |= np.where(missing & (base.unknown == 0), int(reason), 0)
    unknown = np.where(zero != 0, 0, unknown)
    composed = compose(base.parts, np.nan_to_num(base.floor, nan=0.0), base.cap)
    known = (unknown == 0) & (zero == 0)
    market = np.where(known, to_minor(np.where(known, base.amount, 0.0), base.digits), 0)
    adjusted = adjusted_value(market, base.adjustment)
    lendable = share_of(adjusted, np.where(known, composed.lendable_share, 0.0))
    if base.own_lendable is not None:
        lendable = _within_own(lendable, adjusted, base, known & ~composed.floor_binds)
    quality = base.quality | np.where(known & composed.floor_binds, int(QualityFlag.FLOOR_BINDS), 0)
    quality |= np.where(known & composed.cap_binds, int(QualityFlag.CAP_BINDS), 0)
    quality |= np.where(known & (base.adjustment < 1.0), int(QualityFlag.PRICE_ADJUSTED), 0)
    return ValueColumns(market, adjusted, lendable, composed.haircut, unknown, zero, quality)


def _within_own(lendable_minor: Int, adjusted_minor: Int, base: BaseColumns, unfloored: Bool) -> Int:
    """Returns the lendable values [n]; where the model lends an amount of its own, at most that amount.

    The parts of such a model are those of its invoices taken together, whose product is rounded. Where nothing but they
    reduces the value, the model's own amount is exact and replaces it.
    """
    own = np.nan_to_num(base.own_lendable, nan=np.inf) if base.own_lendable is not None else np.inf
    stated = np.isfinite(own)
    # Half a minor unit is far more than the error of a float and far less than a minor unit.
    minor = np.floor(np.where(stated, own, 0.0) * np.power(10.0, base.digits) + 1e-3).astype(np.int64)
    is_exact = unfloored & (base.parts.market == 0.0)
    within = np.where(is_exact, np.minimum(minor, adjusted_minor), np.minimum(minor, lendable_minor))
    return np.where(stated, within, lendable_minor)


def adjusted_value(market_minor: Int, adjustment: Float) -> Int:
    """Returns market values [n] times their price adjustments [n], rounded down; NaN stands for no adjustment."""
    return share_of(market_minor, np.nan_to_num(adjustment, nan=1.0))
