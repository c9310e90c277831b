"""Limits on shares against worked examples, a search of every whole amount, and their order."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.money import PPM, mul_div_floor
from valuation.receivables.concentration import ConcentrationMode, greatest_total, kept_by_share

FIFTH, QUARTER = 200_000, 250_000

shares = st.one_of(st.sampled_from([50_000, 100_000, 150_000, 333_333, 400_000, 500_000, PPM]), st.integers(0, PPM))
pools = st.lists(st.tuples(st.integers(0, 3_000), shares), min_size=1, max_size=7)


def kept(amounts, share_ppm, mode, gross=0) -> list[int]:
    limits = np.broadcast_to(np.asarray(share_ppm), len(amounts))
    return kept_by_share(np.array(amounts, dtype=np.int64), limits, mode, gross).tolist()


@pytest.mark.parametrize(
    ("mode", "kept_of_largest", "excess", "total", "lent"),
    [
        (ConcentrationMode.ELIGIBLE, 375_000_000, 285_000_000, 2_215_000_000, 1_882_750_000),
        (ConcentrationMode.GROSS, 450_000_000, 210_000_000, 2_290_000_000, 1_946_500_000),
        (ConcentrationMode.FIXED_POINT, 324_705_882, 335_294_118, 2_164_705_882, 1_839_999_999),
    ],
)
def test_one_large_debtor_among_ten_under_a_limit_of_15_percent(mode, kept_of_largest, excess, total, lent):
    found = kept([660_000_000] + [184_000_000] * 10, 150_000, mode, gross=3_000_000_000)

    assert (found[0], 660_000_000 - found[0], sum(found)) == (kept_of_largest, excess, total)
    assert mul_div_floor(np.array([total]), np.array([850_000]), PPM)[0] == lent


def test_four_debtors_under_a_limit_of_a_fifth_leave_no_fixed_point():
    amounts = [40_000, 30_000, 20_000, 10_000]

    assert sum(kept(amounts, FIFTH, ConcentrationMode.FIXED_POINT)) == 0
    assert sum(kept(amounts, FIFTH, ConcentrationMode.ELIGIBLE)) == 70_000


def test_a_debtor_may_have_a_limit_of_its_own():
    amounts = [500_000_000, 120_000_000, 90_000_000] + [14_500_000] * 20
    found = kept(amounts, [400_000] + [100_000] * 22, ConcentrationMode.FIXED_POINT)

    assert (found[:3], sum(found)) == ([290_000_000, 72_500_000, 72_500_000], 725_000_000)


def test_a_share_limit_leaves_nothing_of_a_single_debtor_at_the_fixed_point_and_no_limit_leaves_all():
    assert kept([100_000_000], QUARTER, ConcentrationMode.FIXED_POINT) == [0]
    assert kept([100_000_000], QUARTER, ConcentrationMode.ELIGIBLE) == [25_000_000]
    assert kept([100_000_000], QUARTER, ConcentrationMode.NONE) == [100_000_000]


@given(pools)
def test_the_fixed_point_is_the_greatest_whole_solution(pool):
    amounts, limits = (np.array(column, dtype=np.int64) for column in zip(*pool, strict=True))
    solutions = [
        total
        for total in range(int(amounts.sum()) + 1)
        if total == sum(min(amount, share * total // PPM) for amount, share in pool)
    ]

    assert greatest_total(amounts, limits) == max(solutions)


@pytest.mark.parametrize("excess", [1, 7, 10**12])
def test_shares_that_nearly_exhaust_the_pool_are_solved_exactly(excess):
    amounts = [2_000_000_000_000] * 3 + [excess]
    total = greatest_total(np.array(amounts), np.full(4, 333_333))
    real = Fraction(excess) / (1 - 3 * Fraction(333_333, PPM))

    assert total == sum(min(amount, 333_333 * total // PPM) for amount in amounts)
    assert total <= min(real, sum(amounts))
    assert total >= min(real, sum(amounts)) - 3 * PPM


@given(pools, st.integers(0, 5_000))
def test_a_wider_base_keeps_more(pool, excluded):
    amounts, limits = zip(*pool, strict=True)
    modes = (ConcentrationMode.GROSS, ConcentrationMode.ELIGIBLE, ConcentrationMode.FIXED_POINT)
    gross, eligible, fixed = (np.array(kept(amounts, limits, mode, sum(amounts) + excluded)) for mode in modes)

    assert (gross >= eligible).all()
    assert (eligible >= fixed).all()


@given(pools, st.integers(0, 6), st.integers(0, 1_000), st.sampled_from(ConcentrationMode))
def test_more_of_a_debtor_never_lowers_the_total(pool, row, more, mode):
    amounts, limits = zip(*pool, strict=True)
    raised = list(amounts)
    raised[row % len(raised)] += more

    assert sum(kept(raised, limits, mode, 30_000)) >= sum(kept(amounts, limits, mode, 30_000))


@given(pools, st.integers(2, 100))
def test_the_fixed_point_scales_with_the_amounts(pool, factor):
    amounts, limits = (np.array(column, dtype=np.int64) for column in zip(*pool, strict=True))
    total = greatest_total(amounts, limits)

    assert greatest_total(amounts * factor, limits) >= total * factor


@pytest.mark.parametrize(("amounts", "share"), [([-1, 5], FIFTH), ([2**53], FIFTH), ([1], -1), ([1], PPM + 1)])
def test_amounts_and_shares_outside_their_ranges_are_refused(amounts, share):
    with pytest.raises(InvalidInput):
        kept(amounts, share, ConcentrationMode.FIXED_POINT)
