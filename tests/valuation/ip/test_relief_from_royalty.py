"""Relief from royalty gives the worked values, the geometric sum, and what must hold for every right."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ip_columns import rights
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag, UnknownReason
from valuation.ip.relief_from_royalty import RoyaltyValues, relief_from_royalty


@pytest.mark.parametrize(
    ("differing", "worked"),
    [
        ({}, 1_469_680.76),
        ({"mid_year": False}, 1_370_484.37),
        ({"annual_survival": 0.9}, 1_103_991.08),
        ({"amortisation_years": 10.0}, 1_680_536.33),
    ],
)
def test_five_years_of_royalties_have_the_worked_value(differing: dict[str, float], worked: float) -> None:
    """10 m growing 5 %, royalty 5 %, tax 25 %, discount 15 %: mid-year, end-year, 10 % hazard, tax benefit."""
    assert relief_from_royalty(rights(**differing)).value.round(2).tolist() == [worked]


def test_revenue_given_before_its_first_growth_is_grown_by_the_caller() -> None:
    """10 m of the last year, growing 3 %, at year ends: the first year to come has 10.3 m."""
    values = relief_from_royalty(rights(next_year_revenue=10e6 * 1.03, growth=0.03, mid_year=False))
    assert values.value.round(2).tolist() == [1_363_578.05]


def test_attrition_that_begins_in_the_second_year_is_a_first_year_made_whole() -> None:
    """The same at mid-year with 10 % attrition from year 2: survival of year 1 is divided out of the revenue."""
    values = relief_from_royalty(rights(next_year_revenue=10e6 * 1.03 / 0.9, growth=0.03, annual_survival=0.9))
    assert values.value.round(2).tolist() == [1_225_277.67]


def test_without_growth_discount_tax_or_attrition_the_value_is_a_plain_sum() -> None:
    values = relief_from_royalty(rights(growth=0.0, discount_rate=0.0, tax_rate=0.0))
    assert values.value == pytest.approx([2_500_000.0])
    assert values.undiscounted == pytest.approx([2_500_000.0])


def test_a_part_of_a_last_year_counts_in_proportion() -> None:
    two, between, three = relief_from_royalty(rights(3, remaining_life_years=[2.0, 2.25, 3.0])).value
    assert between == pytest.approx(two + 0.25 * (three - two))


def test_a_right_without_remaining_life_is_worth_nothing() -> None:
    values = relief_from_royalty(rights(remaining_life_years=0.0, amortisation_years=10.0))
    assert (values.value.tolist(), values.unknown.tolist()) == ([0.0], [0])


def test_years_beyond_the_hundredth_are_left_out_and_flagged() -> None:
    values = relief_from_royalty(rights(3, growth=0.0, remaining_life_years=[100.0, 8_000.0, np.inf]))
    assert values.value[0] == values.value[1] == values.value[2]
    assert values.quality.tolist() == [0, QualityFlag.LIFE_TRUNCATED, QualityFlag.LIFE_TRUNCATED]


def test_a_life_without_end_is_nearly_the_perpetuity() -> None:
    values = relief_from_royalty(rights(growth=0.02, mid_year=False, remaining_life_years=np.inf))
    assert values.value == pytest.approx([10e6 * 0.05 * 0.75 / (0.15 - 0.02)], rel=1e-4)


@pytest.mark.parametrize(
    "missing",
    [
        "next_year_revenue",
        "growth",
        "royalty_rate",
        "tax_rate",
        "discount_rate",
        "annual_survival",
        "remaining_life_years",
        "amortisation_years",
    ],
)
def test_a_missing_input_makes_the_value_unknown_and_not_zero(missing: str) -> None:
    values = relief_from_royalty(rights(2, **{missing: [np.nan, getattr(rights(), missing)[0]]}))
    assert np.isnan(values.value).tolist() == [True, False]
    assert values.unknown.tolist() == [UnknownReason.MISSING_INPUT, 0]


def test_no_rights_have_no_values() -> None:
    assert len(relief_from_royalty(rights(0)).value) == 0


@pytest.mark.parametrize(
    ("field", "bad", "want"),
    [
        ("next_year_revenue", -1.0, "0 or more, finite"),
        ("growth", -1.5, "-1 to 2"),
        ("growth", 5.0, "-1 to 2"),
        ("royalty_rate", 1.5, "0 to 1"),
        ("tax_rate", 1.0, "0 to less than 1"),
        ("discount_rate", -0.01, "0 to 2"),
        ("discount_rate", 15.0, "0 to 2"),
        ("annual_survival", 1.1, "0 to 1"),
        ("remaining_life_years", -0.5, "0 or more"),
        ("amortisation_years", -1.0, "0 or more, finite"),
        ("operating_margin", 12.0, "at most 1"),
    ],
)
def test_a_broken_number_is_refused_by_field_row_and_rule(field: str, bad: float, want: str) -> None:
    good = np.array(getattr(rights(3), field))
    good[2] = bad
    with pytest.raises(InvalidInput) as refused:
        rights(3, **{field: good})
    assert (refused.value.field, refused.value.want) == (f"{field}[2]", want)


def test_a_royalty_above_the_operating_margin_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"royalty_rate\[1\]: got 0.05, want at most the operating_margin"):
        rights(2, operating_margin=[0.05, 0.04])
    with pytest.raises(InvalidInput, match=r"royalty_rate\[0\]: got 0.05, want at most the operating_margin"):
        rights(operating_margin=-0.20)


def test_a_perpetuity_that_grows_as_fast_as_its_discount_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"growth\[0\]: got 0.15, want below the discount_rate"):
        rights(growth=0.15, remaining_life_years=np.inf)
    assert relief_from_royalty(rights(growth=0.15, annual_survival=0.9, remaining_life_years=np.inf)).value[0] > 0


right = st.fixed_dictionaries(
    {
        "next_year_revenue": st.floats(0.0, 1e9, allow_subnormal=False),
        "growth": st.floats(-0.9, 0.5),
        "royalty_rate": st.floats(0.0, 0.5, allow_subnormal=False),
        "tax_rate": st.floats(0.0, 0.5),
        "discount_rate": st.floats(0.0, 1.0),
        "annual_survival": st.floats(0.0, 1.0),
        "remaining_life_years": st.floats(0.0, 40.0),
        "mid_year": st.booleans(),
        "amortisation_years": st.one_of(st.just(0.0), st.floats(1.0, 20.0)),
    }
)
ROUNDING = 1 + 1e-12


def values_of(*each: dict[str, Any]) -> RoyaltyValues:
    """Values of rights given one by one."""
    return relief_from_royalty(rights(len(each), **{name: [one[name] for one in each] for name in each[0]}))


@given(one=right)
def test_the_value_is_the_geometric_sum(one: dict[str, Any]) -> None:
    """Another road: one number at a time, year by year."""
    total, year = 0.0, 0
    while year < one["remaining_life_years"]:
        year += 1
        part = min(1.0, one["remaining_life_years"] - (year - 1))
        revenue = one["next_year_revenue"] * (1 + one["growth"]) ** (year - 1) * one["annual_survival"] ** year
        when = year - 0.5 if one["mid_year"] else year
        saved = revenue * one["royalty_rate"] * (1 - one["tax_rate"])
        total += part * saved / (1 + one["discount_rate"]) ** when
    values = values_of(one)
    assert values.value[0] == pytest.approx(total * values.tax_amortisation_factor[0], rel=1e-9, abs=1e-12)


@given(one=right, more=st.floats(0.0, 1.0))
def test_a_higher_discount_rate_is_never_dearer(one: dict[str, Any], more: float) -> None:
    low, high = values_of(one, one | {"discount_rate": one["discount_rate"] + more}).value
    assert high <= low * ROUNDING


@given(one=right, more=st.floats(0.0, 0.5))
def test_a_higher_royalty_or_growth_is_never_cheaper(one: dict[str, Any], more: float) -> None:
    for name in ("royalty_rate", "growth"):
        low, high = values_of(one, one | {name: one[name] + more}).value
        assert low <= high * ROUNDING


@given(one=right, share=st.floats(0.0, 1.0))
def test_less_survival_or_a_shorter_life_is_never_dearer(one: dict[str, Any], share: float) -> None:
    for name in ("annual_survival", "remaining_life_years"):
        high, low = values_of(one, one | {name: one[name] * share}).value
        assert low <= high * ROUNDING


@given(one=right)
def test_mid_year_is_never_cheaper_than_year_end_and_no_value_exceeds_its_undiscounted_sum(one: dict[str, Any]) -> None:
    middle, end = values_of(one | {"mid_year": True}, one | {"mid_year": False}).value
    assert end <= middle * ROUNDING
    values = values_of(one)
    assert 0.0 <= values.value[0] <= values.undiscounted[0] * values.tax_amortisation_factor[0] * ROUNDING


@given(several=st.lists(right, min_size=2, max_size=12))
def test_a_batch_of_one_gives_the_row_of_the_batch_to_the_last_bit(several: list[dict[str, Any]]) -> None:
    together = values_of(*several)
    for row, one in enumerate(several):
        alone = values_of(one)
        for field in fields(RoyaltyValues):
            assert getattr(alone, field.name)[0] == getattr(together, field.name)[row]


def test_rows_on_either_side_of_a_block_have_the_values_of_their_rights() -> None:
    count = 20_001
    life = np.linspace(0.0, 30.0, count)
    together = relief_from_royalty(rights(count, remaining_life_years=life)).value
    for row in (0, 9_999, 10_000, 19_999, 20_000):
        assert relief_from_royalty(rights(remaining_life_years=life[row])).value[0] == together[row]
