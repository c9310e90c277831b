"""Relief from royalty: worked examples, refused input, and properties of random IP assets."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.ip_columns import patents
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
    """Revenue is 10 million growing 5 % a year, with royalty 5 %, tax 25 % and discount rate 15 %."""
    assert relief_from_royalty(patents(**differing)).value.round(2).tolist() == [worked]


def test_the_caller_applies_growth_to_last_year_revenue() -> None:
    """Last year's revenue of 10 million with 3 % growth gives 10.3 million in the coming year."""
    values = relief_from_royalty(patents(next_year_revenue=10e6 * 1.03, growth=0.03, mid_year=False))
    assert values.value.round(2).tolist() == [1_363_578.05]


def test_attrition_from_the_second_year_divides_revenue_by_the_first_survival() -> None:
    """Attrition is 10 % from year 2, so that the survival of year 1 is divided out of the revenue."""
    values = relief_from_royalty(patents(next_year_revenue=10e6 * 1.03 / 0.9, growth=0.03, annual_survival=0.9))
    assert values.value.round(2).tolist() == [1_225_277.67]


def test_without_growth_discount_tax_or_attrition_the_value_is_a_plain_sum() -> None:
    values = relief_from_royalty(patents(growth=0.0, discount_rate=0.0, tax_rate=0.0))
    assert values.value == pytest.approx([2_500_000.0])
    assert values.undiscounted == pytest.approx([2_500_000.0])


def test_a_partial_last_year_counts_in_proportion() -> None:
    two, between, three = relief_from_royalty(patents(3, remaining_life_years=[2.0, 2.25, 3.0])).value
    assert between == pytest.approx(two + 0.25 * (three - two))


def test_a_remaining_life_of_zero_gives_a_known_value_of_zero() -> None:
    values = relief_from_royalty(patents(remaining_life_years=0.0, amortisation_years=10.0))
    assert (values.value.tolist(), values.unknown.tolist()) == ([0.0], [0])


def test_years_after_the_hundredth_are_omitted_and_flagged() -> None:
    values = relief_from_royalty(patents(3, growth=0.0, remaining_life_years=[100.0, 8_000.0, np.inf]))
    assert values.value[0] == values.value[1] == values.value[2]
    assert values.quality.tolist() == [0, QualityFlag.LIFE_TRUNCATED, QualityFlag.LIFE_TRUNCATED]


def test_an_infinite_life_is_close_to_the_perpetuity() -> None:
    values = relief_from_royalty(patents(growth=0.02, mid_year=False, remaining_life_years=np.inf))
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
    values = relief_from_royalty(patents(2, **{missing: [np.nan, getattr(patents(), missing)[0]]}))
    assert np.isnan(values.value).tolist() == [True, False]
    assert values.unknown.tolist() == [UnknownReason.MISSING_INPUT, 0]


def test_empty_columns_give_empty_values() -> None:
    assert len(relief_from_royalty(patents(0)).value) == 0


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
def test_an_error_names_field_row_and_rule(field: str, bad: float, want: str) -> None:
    good = np.array(getattr(patents(3), field))
    good[2] = bad
    with pytest.raises(InvalidInput) as refused:
        patents(3, **{field: good})
    assert (refused.value.field, refused.value.want) == (f"{field}[2]", want)


def test_a_royalty_above_the_operating_margin_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"royalty_rate\[1\]: got 0.05, want at most the operating_margin"):
        patents(2, operating_margin=[0.05, 0.04])
    with pytest.raises(InvalidInput, match=r"royalty_rate\[0\]: got 0.05, want at most the operating_margin"):
        patents(operating_margin=-0.20)


def test_an_infinite_life_growing_at_the_discount_rate_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"growth\[0\]: got 0.15, want below the discount_rate"):
        patents(growth=0.15, remaining_life_years=np.inf)
    assert relief_from_royalty(patents(growth=0.15, annual_survival=0.9, remaining_life_years=np.inf)).value[0] > 0


ip_asset = st.fixed_dictionaries(
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


def values_of(*records: dict[str, Any]) -> RoyaltyValues:
    """Values IP assets given as records."""
    columns = {name: [record[name] for record in records] for name in records[0]}
    return relief_from_royalty(patents(len(records), **columns))


@given(one=ip_asset)
def test_the_value_matches_a_year_by_year_sum(one: dict[str, Any]) -> None:
    """Adds the discounted royalties of one IP asset year by year."""
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


@given(one=ip_asset, more=st.floats(0.0, 1.0))
def test_a_higher_discount_rate_never_raises_the_value(one: dict[str, Any], more: float) -> None:
    low, high = values_of(one, one | {"discount_rate": one["discount_rate"] + more}).value
    assert high <= low * ROUNDING


@given(one=ip_asset, more=st.floats(0.0, 0.5))
def test_a_higher_royalty_or_growth_never_lowers_the_value(one: dict[str, Any], more: float) -> None:
    for name in ("royalty_rate", "growth"):
        low, high = values_of(one, one | {name: one[name] + more}).value
        assert low <= high * ROUNDING


@given(one=ip_asset, share=st.floats(0.0, 1.0))
def test_less_survival_or_a_shorter_life_never_raises_the_value(one: dict[str, Any], share: float) -> None:
    for name in ("annual_survival", "remaining_life_years"):
        high, low = values_of(one, one | {name: one[name] * share}).value
        assert low <= high * ROUNDING


@given(one=ip_asset)
def test_year_end_timing_never_raises_the_value_above_mid_year_or_the_undiscounted_sum(one: dict[str, Any]) -> None:
    middle, end = values_of(one | {"mid_year": True}, one | {"mid_year": False}).value
    assert end <= middle * ROUNDING
    values = values_of(one)
    assert 0.0 <= values.value[0] <= values.undiscounted[0] * values.tax_amortisation_factor[0] * ROUNDING


@given(several=st.lists(ip_asset, min_size=2, max_size=12))
def test_a_row_has_the_same_bits_alone_and_in_a_batch(several: list[dict[str, Any]]) -> None:
    together = values_of(*several)
    for row, one in enumerate(several):
        alone = values_of(one)
        for field in fields(RoyaltyValues):
            assert getattr(alone, field.name)[0] == getattr(together, field.name)[row]


def test_rows_next_to_a_block_boundary_have_their_own_values() -> None:
    count = 20_001
    life = np.linspace(0.0, 30.0, count)
    together = relief_from_royalty(patents(count, remaining_life_years=life)).value
    for row in (0, 9_999, 10_000, 19_999, 20_000):
        assert relief_from_royalty(patents(remaining_life_years=life[row])).value[0] == together[row]
