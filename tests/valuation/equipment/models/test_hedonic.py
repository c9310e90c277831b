"""Hedonic model: accuracy, monotone effects, intervals, flags and batches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.equipment_sales import TODAY, changed, rows, write_sales
from tests.valuation.equipment.conftest import Bench
from valuation.equipment.flags import EstimateFlag, Step, words_of
from valuation.equipment.models.hedonic import SALES_LEAST, appraise, fit
from valuation.equipment.models.scores import scores
from valuation.equipment.sales.files import read_comparables
from valuation.errors import InvalidInput

TYPICAL = rows(1)[0]
TYPICAL = changed(TYPICAL, built="1998", meter="5000", grade="fair")
LOT = st.integers(0, 199)


def test_new_sales_are_estimated_with_the_expected_error_and_coverage(bench: Bench) -> None:
    made = rows(400, seed=9)
    machines = bench.machines(made)
    found = appraise(bench.learned, machines)
    score = scores(machines.price, found.low, found.fmv, found.high, machines.reference, machines.levels["category"])[0]
    assert score.rmsle < 0.35
    assert 0.65 < score.coverage <= 1.0


def test_identical_machines_have_the_same_value_in_a_fleet_and_alone(bench: Bench) -> None:
    made = [rows(200)[lot] for lot in (3, 5, 3, 8, 5, 3)]
    fleet = bench.estimate(made)
    alone = [bench.estimate([row]) for row in made]
    for name in ("fmv", "low", "high", "nolv", "flags", "step"):
        assert getattr(fleet, name).tolist() == [getattr(one, name)[0] for one in alone]


@given(lot=LOT, built=st.integers(1975, 2009))
def test_an_older_machine_is_never_worth_more(bench: Bench, lot: int, built: int) -> None:
    row = rows(200)[lot]
    found = bench.estimate([changed(row, built=str(built)), changed(row, built=str(built - 3))])
    for value in (found.fmv, found.olv, found.flv, found.nolv):
        assert value[1] <= value[0]


@given(lot=LOT, hours=st.integers(1, 30_000))
def test_more_hours_never_raise_a_value(bench: Bench, lot: int, hours: int) -> None:
    row = rows(200)[lot]
    found = bench.estimate([changed(row, meter=str(hours)), changed(row, meter=str(hours + 2_000))])
    assert found.fmv[1] <= found.fmv[0]


@given(lot=LOT)
def test_a_worse_condition_never_raises_a_value(bench: Bench, lot: int) -> None:
    row = rows(200)[lot]
    found = bench.estimate([changed(row, grade=grade) for grade in ("poor", "fair", "good")])
    assert found.fmv[0] <= found.fmv[1] <= found.fmv[2]


@given(lot=LOT)
def test_the_bases_fall_in_order_and_the_interval_contains_the_value(bench: Bench, lot: int) -> None:
    found = bench.estimate([rows(200)[lot]])
    assert found.fmv[0] >= found.olv[0] >= found.flv[0] >= 0.0
    assert found.olv[0] >= found.nolv[0] >= 0.0
    assert found.low[0] < found.fmv[0] < found.high[0]


def test_each_wider_step_has_a_larger_stretch(bench: Bench) -> None:
    kinds = [TYPICAL, changed(TYPICAL, model="M100Z"), changed(TYPICAL, family="", model="")]
    found = bench.estimate([*kinds, changed(kinds[2], kind="crane", size_class="")])
    assert found.step.tolist() == [Step.MODEL, Step.FAMILY, Step.CLASS, Step.ALL]
    assert found.flags[3] & EstimateFlag.CATEGORY_UNSEEN
    steps = bench.learned.calibration.steps
    assert all(wider > narrower for narrower, wider in itertools.pairwise(steps))


def test_the_interval_widens_with_the_distance_from_the_last_sale(bench: Bench) -> None:
    width = [
        float((found.high / found.low)[0])
        for found in (
            bench.estimate([changed(TYPICAL, built="")], day) for day in ("2010-12-01", "2012-12-01", "2016-12-01")
        )
    ]
    assert width[0] < width[1] < width[2]


def test_age_and_hours_beyond_the_sales_are_flagged_with_a_wider_interval(bench: Bench) -> None:
    near, far = bench.estimate([TYPICAL]), bench.estimate([changed(TYPICAL, meter="90000", built="1940")])
    assert {"AGE_EXTRAPOLATED", "HOURS_EXTRAPOLATED"} <= set(words_of(far.flags)[0].split("|"))
    assert (far.high / far.low)[0] > (near.high / near.low)[0]


def test_impossible_values_are_unknown_and_flagged(bench: Bench) -> None:
    odd = [
        changed(TYPICAL, built="1000"),
        changed(TYPICAL, built="2015"),
        changed(TYPICAL, meter="-5"),
        changed(TYPICAL, meter="0"),
    ]
    machines = bench.machines(odd)
    assert np.isnan(machines.build_year[:2]).all()
    assert np.isnan(machines.hours[2:]).all()
    flags = appraise(bench.learned, machines).flags
    assert flags[0] & EstimateFlag.BUILD_YEAR_IMPOSSIBLE
    assert flags[1] & EstimateFlag.BUILT_AFTER_SALE
    assert flags[2] & EstimateFlag.HOURS_IMPOSSIBLE
    assert not flags[3] & EstimateFlag.HOURS_IMPOSSIBLE
    assert flags[3] & EstimateFlag.HOURS_UNKNOWN


def test_a_machine_has_the_same_value_alone_and_in_a_batch(bench: Bench) -> None:
    made = rows(50, seed=3)
    many, one = bench.estimate(made), bench.estimate([made[17]])
    assert one.fmv[0] == many.fmv[17]
    assert one.high[0] == many.high[17]


def test_too_few_sales_are_refused(bench: Bench) -> None:
    few = bench.sales.take(np.arange(SALES_LEAST - 1))
    with pytest.raises(InvalidInput, match=f"comparables: got {SALES_LEAST - 1} usable sales"):
        fit(few, bench.mapping)


@pytest.mark.parametrize("prices", [("5000",), ("5000", "9000")])
def test_a_price_list_is_refused_as_it_has_no_spread(bench: Bench, prices: tuple[str, ...]) -> None:
    """One price for all machines, or one for each category."""
    made = [changed(row, hammer=prices[lot % len(prices)]) for lot, row in enumerate(rows(SALES_LEAST))]
    listed, _ = read_comparables(write_sales(bench.folder / "list.csv", made), bench.mapping, TODAY)
    with pytest.raises(InvalidInput, match="comparables: got 100% of the prices"):
        fit(listed, bench.mapping)


def test_most_sales_at_one_price_still_give_a_model(bench: Bench) -> None:
    made = [changed(row, hammer="5000") if lot % 4 else row for lot, row in enumerate(rows(SALES_LEAST))]
    mixed, _ = read_comparables(write_sales(bench.folder / "mixed.csv", made), bench.mapping, TODAY)

    found = appraise(fit(mixed, bench.mapping), bench.machines(rows(3)))

    assert (found.low < found.fmv).all()
    assert (found.fmv < found.high).all()


def test_the_interval_of_an_unseen_category_has_the_stated_coverage(bench: Bench) -> None:
    made = [changed(row, kind="crane", size_class="", family="", model="") for row in rows(400, seed=9)]
    machines = bench.machines(made)

    found = appraise(bench.learned, machines)

    inside = (machines.price >= found.low) & (machines.price <= found.high)
    assert set(found.step.tolist()) == {Step.ALL}
    assert 0.75 < inside.mean() < 1.0
