"""Borrowing base: the worked example, its steps, and its agreement with LTV, level and draws."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.borrowing_base.base import (
    BaseTerms,
    BorrowingBase,
    ClassAmount,
    Owed,
    Reserve,
    ReserveKind,
    borrowing_base,
    under_sublimits,
)
from collateral_registry.domain.loans.cure import largest_draw
from collateral_registry.domain.loans.levels import Level, level_of, loan_to_value
from valuation.errors import InvalidInput
from valuation.money import PPM

DAY = date(2026, 6, 30)
CLASSES = (
    ClassAmount("receivables", 31_996_070),
    ClassAmount("inventory", 26_000_000),
    ClassAmount("equipment", 40_000_000, share_ppm=300_000),
    ClassAmount("ip", 5_000_000, share_ppm=50_000),
)

amounts = st.integers(0, 3_000)
shares = st.sampled_from([0, 50_000, 300_000, 333_333, 500_000, PPM])
classes = st.lists(
    st.builds(
        lambda amount, limit, share: ClassAmount("one", amount, limit, share), amounts, st.none() | amounts, shares
    ),
    max_size=4,
)


def reserve(kind: ReserveKind = ReserveKind.OTHER, **fields) -> Reserve:
    return Reserve(kind, "ann", "agreed", **{"first_day": date(2026, 1, 1)} | fields)


RESERVES = (
    reserve(ReserveKind.RENT, amount_minor=2_400_000),
    reserve(ReserveKind.PRIORITY_PAYABLES, amount_minor=2_150_000),
    reserve(ReserveKind.FX, amount_minor=431_025),
)


def ltv_of(found: BorrowingBase) -> float:
    return float(loan_to_value(np.array([found.used_minor]), np.array([found.base_minor]))[0])


def test_a_base_of_four_classes_with_sublimits_and_reserves_is_over_advanced():
    found = borrowing_base(CLASSES, RESERVES, BaseTerms(90_000_000), Owed(82_000_000, 4_000_000), DAY)

    assert found.kept_minor == (31_996_070, 26_000_000, 26_767_416, 4_461_236)
    assert (found.before_reserves_minor, found.reserves_minor, found.base_minor) == (89_224_722, 4_981_025, 84_243_697)
    assert (found.availability_minor, found.over_advance_minor) == (-1_756_303, 1_756_303)
    assert ltv_of(found) == pytest.approx(1.020848, abs=5e-7)


@given(classes)
def test_the_base_is_the_greatest_amount_of_which_no_class_exceeds_its_share(given_classes):
    solutions = [
        total
        for total in range(sum(one.amount_minor for one in given_classes) + 1)
        if total == sum(min(one.within_limit, one.share_ppm * total // PPM) for one in given_classes)
    ]

    assert sum(under_sublimits(given_classes)) == max(solutions)


@given(classes, amounts)
def test_more_of_a_class_never_lowers_the_base(given_classes, more):
    more_of_one = [
        ClassAmount("more", one.amount_minor + more, one.limit_minor, one.share_ppm) for one in given_classes
    ]

    for row in range(len(given_classes)):
        raised = [*given_classes[:row], more_of_one[row], *given_classes[row + 1 :]]
        assert sum(under_sublimits(raised)) >= sum(under_sublimits(given_classes))


@given(classes, amounts, st.none() | amounts, amounts, amounts, st.integers(0, PPM))
def test_the_lines_of_a_base_sum_to_its_availability(given_classes, reserved, line, block, used, weight):
    terms = BaseTerms(line, block, weight)
    found = borrowing_base(given_classes, [reserve(amount_minor=reserved)], terms, Owed(used, 77), DAY)

    assert sum(one.amount_minor for one in found.lines()) == found.availability_minor


@given(classes, amounts, st.none() | amounts, amounts, amounts)
def test_availability_over_advance_and_ltv_are_one_number(given_classes, reserved, line, block, used):
    found = borrowing_base(given_classes, [reserve(amount_minor=reserved)], BaseTerms(line, block), Owed(used), DAY)
    most = found.base_minor if line is None else min(found.base_minor, line)

    assert (found.availability_minor + block >= 0) == (used <= most)
    assert (found.over_advance_minor > 0) == (ltv_of(found) > 1)


@given(st.integers(0, 10**13), st.integers(-(10**8), 10**8))
def test_a_loan_drawn_to_the_last_cent_is_no_breach_and_a_millionth_more_is(base, offset):
    used = max(base + offset, 0)
    limits = np.array([[PPM, PPM + 1, 2 * PPM, 3 * PPM]])
    ltv = loan_to_value(np.array([used]), np.array([base]))
    level = level_of(ltv, limits, np.array([10_000]), np.array([Level.NONE]))[0]
    found = borrowing_base([ClassAmount("all", base)], [], BaseTerms(), Owed(used), DAY)

    assert largest_draw(used, base, PPM) == max(found.availability_minor, 0)
    if used <= base:
        assert level < Level.MARGIN_CALL
    if used * PPM >= base * (PPM + 1) and used:
        assert level >= Level.MARGIN_CALL


@pytest.mark.parametrize(("day", "base"), [(1, 1_000), (2, 900), (3, 900), (4, 1_000)])
def test_a_reserve_is_deducted_from_its_first_to_its_last_day(day, base):
    days = {"first_day": date(2026, 6, 2), "last_day": date(2026, 6, 3)}
    reserves = [reserve(amount_minor=100, **days)]

    assert (
        borrowing_base([ClassAmount("a", 1_000)], reserves, BaseTerms(), Owed(0), date(2026, 6, day)).base_minor == base
    )


def test_a_rate_is_of_the_base_before_reserves_and_is_rounded_up():
    reserves = [reserve(rate_ppm=100_000), reserve(rate_ppm=100_000)]

    assert borrowing_base([ClassAmount("a", 1_001)], reserves, BaseTerms(), Owed(0), DAY).reserves_minor == 202


@pytest.mark.parametrize("share", [PPM, 900_000])
def test_classes_beyond_the_largest_amount_of_money_count_up_to_it(share):
    huge = [ClassAmount(name, 2**53 - 1, share_ppm=share) for name in "abc"]

    assert 0 < borrowing_base(huge, [], BaseTerms(), Owed(0), DAY).base_minor < 2**53


def test_contingent_amounts_are_used_by_their_weight_rounded_up():
    terms = BaseTerms(contingent_ppm=500_000)

    assert borrowing_base([], [], terms, Owed(10, 5), DAY).used_minor == 13


def test_reserves_above_the_base_leave_none():
    found = borrowing_base([ClassAmount("a", 100)], [reserve(amount_minor=150)], BaseTerms(), Owed(10), DAY)

    assert (found.base_minor, found.over_advance_minor, ltv_of(found)) == (0, 10, float("inf"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ClassAmount("a", -1),
        lambda: ClassAmount("a", 1, limit_minor=-1),
        lambda: ClassAmount("a", 1, share_ppm=PPM + 1),
        reserve,
        lambda: reserve(amount_minor=1, rate_ppm=1),
        lambda: reserve(rate_ppm=PPM + 1),
        lambda: reserve(amount_minor=1, last_day=date(2025, 12, 31)),
        lambda: BaseTerms(-1),
        lambda: BaseTerms(contingent_ppm=-1),
        lambda: Owed(-1),
        lambda: Owed(0, -1),
    ],
)
def test_numbers_outside_their_ranges_are_refused(make):
    with pytest.raises(InvalidInput):
        make()
