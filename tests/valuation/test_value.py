"""Tests of market and lendable value: zeros take precedence over unknowns, and unknowns over computed values."""

import numpy as np
import pytest

from valuation.flags import QualityFlag, UnknownReason, ZeroReason
from valuation.haircuts.composition.parts import HaircutParts
from valuation.value import BaseColumns, ValueColumns, value


def valued(
    amount=1_000.0, *, adjustment=1.0, market=0.2, cap=0.9, floor=0.0, unknown=0, zero=0, own=None
) -> ValueColumns:
    """Values a single row."""
    parts = HaircutParts(*(np.array([part]) for part in (0.0, market, 0.0, 0.08, 0.05)))
    return value(
        BaseColumns(
            amount=np.array([amount]),
            adjustment=np.array([adjustment]),
            digits=np.array([2]),
            parts=parts,
            floor=np.array([floor]),
            cap=np.array([cap]),
            unknown=np.array([unknown], dtype=np.int64),
            zero=np.array([zero], dtype=np.int64),
            quality=np.zeros(1, dtype=np.int64),
            own_lendable=None if own is None else np.array([own]),
        )
    )


def test_what_a_model_itself_lends_is_exact_unless_something_else_reduces_it():
    assert valued(market=0.0, own=800.01).lendable_minor[0] == 80_001
    assert valued(market=0.0, own=float("nan")).lendable_minor[0] == 87_400
    assert valued(own=800.0).lendable_minor[0] == 69_920
    assert valued(own=600.0).lendable_minor[0] == 60_000
    assert valued(market=0.0, floor=0.4, own=800.0).lendable_minor[0] == 60_000
    assert valued(market=0.0, own=800.0, unknown=1).lendable_minor[0] == 0


def test_parts_of_20_8_and_5_percent_leave_699_20_of_a_thousand():
    found = valued()

    assert found.market_minor[0] == 100_000
    assert found.lendable_minor[0] == 69_920
    assert found.haircut[0] == pytest.approx(0.3008)


def test_lendable_value_is_a_share_of_the_adjusted_value_and_the_market_value_stays():
    found = valued(adjustment=0.5)

    assert (found.market_minor[0], found.adjusted_minor[0], found.lendable_minor[0]) == (100_000, 50_000, 34_960)
    assert found.quality[0] == QualityFlag.PRICE_ADJUSTED


def test_an_unknown_value_has_no_adjustment():
    found = valued(adjustment=0.5, unknown=int(UnknownReason.STALE_PRICE))

    assert (found.adjusted_minor[0], found.quality[0]) == (0, 0)


def test_the_lendable_value_is_rounded_down_and_the_market_value_half_to_even():
    found = valued(0.025, cap=1.0)

    assert (found.market_minor[0], found.lendable_minor[0]) == (2, 1)


def test_a_cap_and_a_floor_that_bind_are_flagged():
    assert valued(cap=0.5).lendable_minor[0] == 50_000
    assert valued(cap=0.5).quality[0] == QualityFlag.CAP_BINDS
    assert valued(floor=0.4).lendable_minor[0] == 60_000
    assert valued(floor=0.4).quality[0] == QualityFlag.FLOOR_BINDS


def test_a_missing_part_makes_the_value_unknown_not_the_haircut_zero():
    found = valued(market=np.nan)

    assert found.unknown[0] == UnknownReason.MISSING_PART
    assert found.lendable_minor[0] == 0


def test_a_missing_amount_makes_the_value_unknown():
    assert valued(np.nan).unknown[0] == UnknownReason.MISSING_INPUT


def test_a_stated_unknown_reason_is_not_combined_with_others():
    assert valued(np.nan, market=np.nan, unknown=int(UnknownReason.NO_PRICE)).unknown[0] == UnknownReason.NO_PRICE


def test_a_stated_zero_outranks_an_unknown():
    found = valued(np.nan, unknown=int(UnknownReason.STALE_PRICE), zero=int(ZeroReason.LAPSED))

    assert (found.unknown[0], found.zero[0], found.market_minor[0]) == (0, ZeroReason.LAPSED, 0)
