"""What holds for every machine."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def values_of(*each: dict[str, Any]) -> EquipmentValues:
    """Values of machines given one by one."""
    columns = {name: [one[name] for one in each] for name in each[0]}
    return value_equipment(machines(len(each), **columns))


@given(one=machine, years=st.floats(0.0, 30.0))
def test_the_older_machine_of_the_same_use_is_never_dearer(one: dict[str, Any], years: float) -> None:
    """The same use: as many hours a year, and units produced as time goes by."""
    older_age = one["age_years"] + years
    grown = {
        "age_years": older_age,
        "hours": one["hours"] * older_age / one["age_years"],
        "units_produced": one["units_produced"] * older_age / one["age_years"],
    }
    young, old = values_of(one, one | grown).fmv
    assert old <= young * (1 + 1e-12)


@given(one=machine, years=st.floats(0.0, 30.0))
def test_a_machine_whose_meter_is_not_read_again_is_never_dearer_later(one: dict[str, Any], years: float) -> None:
    one |= {"meter_age_years": one["age_years"]}
    now, later = values_of(one, one | {"age_years": one["age_years"] + years}).fmv
    assert later <= now * (1 + 1e-12)


@given(one=machine, years=st.floats(0.0, 30.0))
def test_the_older_machine_of_unknown_hours_is_never_dearer(one: dict[str, Any], years: float) -> None:
    one |= {"hours": np.nan}
    young, old = values_of(one, one | {"age_years": one["age_years"] + years}).fmv
    assert old <= young * (1 + 1e-12)


@given(one=machine)
def test_the_worse_condition_is_never_dearer(one: dict[str, Any]) -> None:
    worsening = (Condition.EXCELLENT, Condition.GOOD, Condition.FAIR, Condition.POOR, Condition.SCRAP)
    fmv = values_of(*({**one, "condition": condition} for condition in worsening)).fmv
    assert (np.diff(fmv) <= 0).all()


@given(one=machine, fewer=st.floats(1.0, 50_000.0), more=st.floats(0.0, 50_000.0))
def test_more_hours_are_never_dearer(one: dict[str, Any], fewer: float, more: float) -> None:
    little, much = values_of(one | {"hours": fewer}, one | {"hours": fewer + more}).fmv
    assert much <= little


@given(one=machine)
def test_every_value_lies_between_scrap_and_the_price_new_and_the_bases_in_order(one: dict[str, Any]) -> None:
    values = values_of(one)
    assert one["replacement_cost"] * one["scrap_share"] <= values.fmv[0] <= one["replacement_cost"]
    assert values.fmv[0] >= values.olv[0] >= values.flv[0] >= 0.0
    assert values.olv[0] >= values.nolv[0] >= 0.0


@given(one=machine)
def test_a_price_in_another_unit_gives_the_value_in_that_unit(one: dict[str, Any]) -> None:
    plain, doubled = values_of(one, one | {"replacement_cost": 2.0 * one["replacement_cost"]}).fmv
    assert doubled == pytest.approx(2.0 * plain, rel=1e-15, abs=1e-300)


@given(several=st.lists(machine, min_size=2, max_size=20))
def test_a_batch_of_one_gives_the_row_of_the_batch_to_the_last_bit(several: list[dict[str, Any]]) -> None:
    together = values_of(*several)
    for row, one in enumerate(several):
        alone = values_of(one)
        for field in fields(EquipmentValues):
            assert getattr(alone, field.name)[0] == getattr(together, field.name)[row]


@pytest.mark.parametrize("schedule", list(Schedule))
def test_a_large_batch_has_the_rows_of_its_machines(schedule: Schedule) -> None:
    count = 1_003
    age = np.linspace(0.0, 45.0, count)
    together = value_equipment(machines(count, schedule=schedule, age_years=age, units_produced=2_000 * age))
    for row in (0, 1, 500, count - 1):
        alone = value_equipment(machines(schedule=schedule, age_years=age[row], units_produced=2_000 * age[row]))
        assert alone.fmv[0] == together.fmv[row]


def test_valuing_leaves_the_columns_as_they_were() -> None:
    columns = machines(5, age_years=[0.0, 1.0, 2.0, 3.0, 50.0])
    before = {field.name: np.copy(getattr(columns, field.name)) for field in fields(EquipmentColumns)}
    value_equipment(columns)
    for name, column in before.items():
        assert np.array_equal(getattr(columns, name), column, equal_nan=True)
