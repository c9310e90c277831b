"""Properties of the values of random machines."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.machine_columns import machines
from valuation.calendar import DAYS_PER_YEAR
from valuation.depreciation.equipment import Condition, EquipmentColumns, EquipmentValues, Schedule, value_equipment

ONE_DAY = 1.0 / DAYS_PER_YEAR

ages = st.floats(ONE_DAY, 60.0)
hours = st.one_of(st.just(np.nan), st.floats(1.0, 100_000.0))
machine = st.fixed_dictionaries(
    {
        "replacement_cost": st.one_of(st.just(0.0), st.floats(0.01, 1e9)),
        "age_years": ages,
        "schedule": st.sampled_from(Schedule),
        "annual_rate": st.floats(0.0, 0.6),
        "life_years": st.floats(1.0, 40.0),
        "salvage_share": st.floats(0.0, 0.5),
        "units_produced": st.floats(0.0, 200_000.0),
        "hours": hours,
        "condition": st.sampled_from(Condition),
        "hours_elasticity": st.floats(0.0, 0.5),
        "scrap_share": st.floats(0.0, 0.2),
    }
)


def values_of(*records: dict[str, Any]) -> EquipmentValues:
    """Values machines given as records."""
    columns = {name: [record[name] for record in records] for name in records[0]}
    return value_equipment(machines(len(records), **columns))


@given(one=machine, years=st.floats(0.0, 30.0))
def test_an_older_machine_of_equal_yearly_use_is_never_worth_more(one: dict[str, Any], years: float) -> None:
    """Hours and units produced grow in proportion to age."""
    older_age = one["age_years"] + years
    grown = {
        "age_years": older_age,
        "hours": one["hours"] * older_age / one["age_years"],
        "units_produced": one["units_produced"] * older_age / one["age_years"],
    }
    young, old = values_of(one, one | grown).fmv
    assert old <= young * (1 + 1e-12)


@given(one=machine, years=st.floats(0.0, 30.0))
def test_a_machine_without_a_new_reading_is_never_worth_more_later(one: dict[str, Any], years: float) -> None:
    one |= {"meter_age_years": one["age_years"]}
    now, later = values_of(one, one | {"age_years": one["age_years"] + years}).fmv
    assert later <= now * (1 + 1e-12)


@given(one=machine, years=st.floats(0.0, 30.0))
def test_an_older_machine_of_unknown_hours_is_never_worth_more(one: dict[str, Any], years: float) -> None:
    one |= {"hours": np.nan}
    young, old = values_of(one, one | {"age_years": one["age_years"] + years}).fmv
    assert old <= young * (1 + 1e-12)


@given(one=machine)
def test_a_worse_condition_is_never_worth_more(one: dict[str, Any]) -> None:
    worsening = (Condition.EXCELLENT, Condition.GOOD, Condition.FAIR, Condition.POOR, Condition.SCRAP)
    fmv = values_of(*({**one, "condition": condition} for condition in worsening)).fmv
    assert (np.diff(fmv) <= 0).all()


@given(one=machine, fewer=st.floats(1.0, 50_000.0), more=st.floats(0.0, 50_000.0))
def test_more_hours_are_never_worth_more(one: dict[str, Any], fewer: float, more: float) -> None:
    little, much = values_of(one | {"hours": fewer}, one | {"hours": fewer + more}).fmv
    assert much <= little


@given(one=machine)
def test_values_are_between_scrap_and_replacement_cost_with_the_bases_in_order(one: dict[str, Any]) -> None:
    values = values_of(one)
    assert one["replacement_cost"] * one["scrap_share"] <= values.fmv[0] <= one["replacement_cost"]
    assert values.fmv[0] >= values.olv[0] >= values.flv[0] >= 0.0
    assert values.olv[0] >= values.nolv[0] >= 0.0


@given(one=machine)
def test_the_value_is_proportional_to_the_replacement_cost(one: dict[str, Any]) -> None:
    plain, doubled = values_of(one, one | {"replacement_cost": 2.0 * one["replacement_cost"]}).fmv
    assert doubled == pytest.approx(2.0 * plain, rel=1e-15, abs=1e-300)


@given(several=st.lists(machine, min_size=2, max_size=20))
def test_a_row_has_the_same_bits_alone_and_in_a_batch(several: list[dict[str, Any]]) -> None:
    together = values_of(*several)
    for row, one in enumerate(several):
        alone = values_of(one)
        for field in fields(EquipmentValues):
            assert getattr(alone, field.name)[0] == getattr(together, field.name)[row]


@pytest.mark.parametrize("schedule", list(Schedule))
def test_a_large_batch_has_the_values_of_its_single_machines(schedule: Schedule) -> None:
    count = 1_003
    age = np.linspace(0.0, 45.0, count)
    together = value_equipment(machines(count, schedule=schedule, age_years=age, units_produced=2_000 * age))
    for row in (0, 1, 500, count - 1):
        alone = value_equipment(machines(schedule=schedule, age_years=age[row], units_produced=2_000 * age[row]))
        assert alone.fmv[0] == together.fmv[row]


def test_valuing_does_not_modify_its_input() -> None:
    columns = machines(5, age_years=[0.0, 1.0, 2.0, 3.0, 50.0])
    before = {field.name: np.copy(getattr(columns, field.name)) for field in fields(EquipmentColumns)}
    value_equipment(columns)
    for name, column in before.items():
        assert np.array_equal(getattr(columns, name), column, equal_nan=True)
