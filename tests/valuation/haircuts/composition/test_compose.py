"""Tests of the composition of haircut parts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.haircuts.composition.compose import compose
from valuation.haircuts.composition.parts import PART_NAMES, HaircutParts

shares = st.floats(0.0, 1.0)
five = st.tuples(shares, shares, shares, shares, shares)


def composed(values, floor=0.0, cap=1.0):
    parts = HaircutParts(*(np.array([value]) for value in values))
    return compose(parts, np.array([floor]), np.array([cap]))


def test_20_8_and_5_percent_keep_0_6992():
    """Added, the parts would be 33 %."""
    found = composed([0.0, 0.20, 0.08, 0.05, 0.0])

    assert found.kept[0] == pytest.approx(0.6992)
    assert found.haircut[0] == pytest.approx(0.3008)
    assert found.lendable_share[0] == pytest.approx(0.6992)
    assert not found.floor_binds[0]
    assert not found.cap_binds[0]


def test_a_floor_above_the_parts_is_the_haircut():
    found = composed([0.0, 0.20, 0.0, 0.0, 0.0], floor=0.40)

    assert (found.haircut[0], found.lendable_share[0]) == (0.40, 0.60)
    assert found.kept[0] == pytest.approx(0.80)
    assert found.floor_binds[0]


def test_a_cap_below_the_kept_share_is_the_share():
    found = composed([0.0, 0.20, 0.0, 0.0, 0.0], cap=0.60)

    assert (found.haircut[0], found.lendable_share[0]) == (pytest.approx(0.20), 0.60)
    assert found.cap_binds[0]


def test_a_floor_and_a_cap_without_effect_do_not_bind():
    found = composed([0.0, 0.5, 0.0, 0.0, 0.0], floor=0.5, cap=0.5)

    assert not found.floor_binds[0]
    assert not found.cap_binds[0]


@pytest.mark.parametrize("missing", range(5))
def test_a_missing_part_gives_no_haircut_and_no_share_and_nothing_binds(missing):
    values = [0.1] * 5
    values[missing] = np.nan

    found = composed(values, floor=0.9, cap=0.1)

    assert np.isnan([found.kept[0], found.haircut[0], found.lendable_share[0]]).all()
    assert not found.floor_binds[0]
    assert not found.cap_binds[0]


@given(five, shares, shares)
def test_the_share_is_in_range_below_the_cap_and_the_haircut_at_or_above_the_floor(values, floor, cap):
    found = composed(values, floor, cap)

    assert 0.0 <= found.lendable_share[0] <= cap
    assert floor <= found.haircut[0] <= 1.0
    assert found.lendable_share[0] <= 1.0 - found.haircut[0]


@given(five, shares, shares, st.integers(0, 4), shares)
def test_a_larger_part_never_raises_the_share(values, floor, cap, which, more):
    raised = list(values)
    raised[which] = max(values[which], more)

    assert composed(raised, floor, cap).lendable_share[0] <= composed(values, floor, cap).lendable_share[0]


@given(five, shares, shares, shares)
def test_a_higher_floor_and_a_lower_cap_never_raise_the_share(values, floor, cap, other):
    found = composed(values, floor, cap).lendable_share[0]

    assert composed(values, max(floor, other), cap).lendable_share[0] <= found
    assert composed(values, floor, min(cap, other)).lendable_share[0] <= found


@given(five)
def test_the_order_of_the_parts_does_not_matter(values):
    kept = [composed(order).kept[0] for order in itertools.permutations(values)]

    assert max(kept) == pytest.approx(min(kept))


@given(st.lists(five, min_size=1, max_size=20))
def test_a_row_is_the_same_alone_and_in_a_batch(rows):
    columns = HaircutParts(**dict(zip(PART_NAMES, np.array(rows).T, strict=True)))
    nothing, everything = np.zeros(len(rows)), np.ones(len(rows))

    batch = compose(columns, nothing, everything)

    assert batch.lendable_share.tolist() == [composed(row).lendable_share[0] for row in rows]


def test_no_rows_give_no_rows():
    nothing = np.zeros(0)

    assert len(compose(HaircutParts(*[nothing] * 5), nothing, nothing).lendable_share) == 0


@pytest.mark.parametrize(("floor", "cap", "field"), [(1.2, 1.0, "floor"), (0.0, -0.1, "cap")])
def test_the_error_names_a_floor_or_cap_outside_its_range(floor, cap, field):
    with pytest.raises(InvalidInput, match=rf"{field}\[0\]: got .*, want 0 to 1"):
        composed([0.0] * 5, floor, cap)
