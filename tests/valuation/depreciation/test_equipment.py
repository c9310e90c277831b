"""Machine values: replacement cost less age, usage and condition, between scrap value and replacement cost."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.machine_columns import machines
from valuation.depreciation.equipment import HOURS_FACTOR_HIGH, HOURS_FACTOR_LOW, Condition, Schedule, value_equipment
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag, UnknownReason


def test_the_default_machine_is_valued_by_the_geometric_curve() -> None:
    values = value_equipment(machines())
    assert values.fmv == pytest.approx([1_000_000 * 0.845**4])
    assert values.olv == pytest.approx(0.85 * values.fmv)
    assert values.flv == pytest.approx(0.70 * values.fmv)
    assert values.nolv == pytest.approx(0.85 * 0.85 * values.fmv)
    assert (values.quality, values.unknown) == ([QualityFlag.HOURS_UNKNOWN], [0])


@pytest.mark.parametrize(
    ("schedule", "retained"),
    [
        (Schedule.GEOMETRIC, 0.845**4),
        (Schedule.STRAIGHT_LINE, 1 - 0.9 * 0.4),
        (Schedule.DECLINING_BALANCE_SWITCH, 0.8**4),
        (Schedule.SUM_OF_YEARS, 0.1 + 0.9 * 21 / 55),
        (Schedule.UNITS_OF_PRODUCTION, 1 - 0.9 * 0.4),
        (Schedule.IRS_HALF_YEAR, 1 - 0.10 - 0.18 - 0.144 - 0.1152),
    ],
)
def test_each_schedule_retains_its_share_at_four_of_ten_years(schedule: Schedule, retained: float) -> None:
    assert value_equipment(machines(schedule=schedule)).retained == pytest.approx([retained])


def test_a_fractional_age_is_interpolated_between_whole_years() -> None:
    values = value_equipment(machines(3, schedule=Schedule.SUM_OF_YEARS, age_years=[4.0, 4.25, 5.0]))
    whole, part, next_year = values.retained
    assert part == pytest.approx(whole + 0.25 * (next_year - whole))


def test_twice_the_expected_hours_lower_the_value_by_the_elasticity() -> None:
    values = value_equipment(machines(hours=8_000.0))
    assert values.hours_factor == pytest.approx([0.5**0.2])
    assert values.quality.tolist() == [0]


def test_hours_are_compared_with_expected_hours_at_the_reading() -> None:
    values = value_equipment(machines(3, hours=2_000.0, meter_age_years=[1.0, 4.0, np.nan]))
    assert values.hours_factor == pytest.approx([0.5**0.2, 2.0**0.2, 2.0**0.2])


@pytest.mark.parametrize(("hours", "bound"), [(4e6, HOURS_FACTOR_LOW), (1.0, HOURS_FACTOR_HIGH)])
def test_the_hours_factor_is_bounded_and_flagged(hours: float, bound: float) -> None:
    values = value_equipment(machines(hours=hours))
    assert values.hours_factor.tolist() == [bound]
    assert values.quality.tolist() == [QualityFlag.HOURS_BOUND]


@pytest.mark.parametrize(
    "unknown", [{"hours": 0.0}, {"hours": np.nan}, {"hours": 5.0, "expected_hours_per_year": np.nan}]
)
def test_unknown_hours_give_a_factor_of_one_and_are_flagged(unknown: dict[str, float]) -> None:
    """A reading of 0 on an aged machine counts as missing."""
    values = value_equipment(machines(**unknown))
    assert values.hours_factor.tolist() == [1.0]
    assert values.quality.tolist() == [QualityFlag.HOURS_UNKNOWN]


def test_an_unknown_condition_uses_the_policy_factor_and_is_flagged() -> None:
    values = value_equipment(machines(condition=Condition.UNKNOWN, hours=4_000.0))
    assert values.condition_factor.tolist() == [0.90]
    assert values.quality.tolist() == [QualityFlag.CONDITION_ASSUMED]


def test_condition_factors_may_differ_from_row_to_row() -> None:
    factors = np.tile([0.9, 1.0, 1.0, 0.85, 0.6, 0.05], (2, 1))
    factors[1, Condition.FAIR] = 0.5
    values = value_equipment(machines(2, condition=Condition.FAIR, condition_factors=factors))
    assert values.condition_factor.tolist() == [0.85, 0.5]


def test_a_worn_out_machine_has_its_scrap_value_and_is_flagged() -> None:
    values = value_equipment(machines(age_years=60.0, hours=60_000.0))
    assert values.fmv.tolist() == [30_000.0]
    assert values.quality.tolist() == [QualityFlag.BELOW_SCRAP | QualityFlag.AGE_BEYOND_TWICE_LIFE]


def test_an_age_of_exactly_twice_the_life_is_not_flagged() -> None:
    assert value_equipment(machines(age_years=20.0, hours=20_000.0)).quality.tolist() == [0]


def test_no_used_machine_is_worth_more_than_a_new_one() -> None:
    values = value_equipment(machines(age_years=0.01, hours=0.1))
    assert values.hours_factor.tolist() == [HOURS_FACTOR_HIGH]
    assert values.fmv.tolist() == [1_000_000.0]


def test_a_replacement_cost_of_zero_gives_a_known_value_of_zero() -> None:
    values = value_equipment(machines(replacement_cost=0.0))
    assert (values.fmv.tolist(), values.unknown.tolist()) == ([0.0], [0])


@pytest.mark.parametrize(
    "missing",
    [
        {"replacement_cost": np.nan},
        {"age_years": np.nan},
        {"annual_rate": np.nan},
        {"schedule": Schedule.STRAIGHT_LINE, "life_years": np.nan},
        {"schedule": Schedule.SUM_OF_YEARS, "salvage_share": np.nan},
        {"schedule": Schedule.DECLINING_BALANCE_SWITCH, "life_years": np.nan},
        {"schedule": Schedule.UNITS_OF_PRODUCTION, "units_produced": np.nan},
        {"schedule": Schedule.UNITS_OF_PRODUCTION, "units_lifetime": np.nan},
        {"schedule": Schedule.IRS_HALF_YEAR, "life_years": np.nan},
        {"scrap_share": np.nan},
    ],
)
def test_a_missing_input_makes_the_value_unknown_and_not_zero(missing: dict[str, float]) -> None:
    values = value_equipment(machines(**missing))
    assert np.isnan(values.fmv).all()
    assert np.isnan(values.nolv).all()
    assert values.unknown.tolist() == [UnknownReason.MISSING_INPUT]


def test_inputs_that_a_schedule_does_not_use_may_be_missing() -> None:
    values = value_equipment(
        machines(life_years=np.nan, salvage_share=np.nan, units_produced=np.nan, units_lifetime=np.nan)
    )
    assert values.unknown.tolist() == [0]


def test_empty_columns_give_empty_values() -> None:
    values = value_equipment(machines(0))
    assert len(values.fmv) == len(values.quality) == len(values.unknown) == 0


@pytest.mark.parametrize(
    ("field", "bad", "want"),
    [
        ("replacement_cost", -1.0, "0 or more, finite"),
        ("age_years", -0.5, "0 or more, finite"),
        ("age_years", np.inf, "0 or more, finite"),
        ("hours", -10.0, "0 or more, finite"),
        ("units_produced", -1.0, "0 or more, finite"),
        ("hours_elasticity", -0.2, "0 or more, finite"),
        ("life_years", 0.0, "more than 0"),
        ("units_lifetime", 0.0, "more than 0"),
        ("expected_hours_per_year", 0.0, "more than 0"),
        ("annual_rate", 15.5, "0 to 1"),
        ("salvage_share", 1.5, "0 to 1"),
        ("scrap_share", -0.1, "0 to 1"),
        ("schedule", 6, "a Schedule, 0 to 5"),
        ("condition", 7, "a Condition, 0 to 5"),
        ("flv_factor", 0.9, "at most the olv_factor"),
    ],
)
def test_an_error_names_field_row_and_rule(field: str, bad: float, want: str) -> None:
    good = np.asarray(getattr(machines(3), field)).copy()
    good[1] = bad
    with pytest.raises(InvalidInput) as refused:
        value_equipment(machines(3, **{field: good}))
    assert (refused.value.field, refused.value.want) == (f"{field}[1]", want)


def test_a_negative_condition_factor_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"condition_factors\[4\]: got -0.6, want 0 or more"):
        machines(condition_factors=(0.9, 1.0, 1.0, 0.85, -0.6, 0.05))
