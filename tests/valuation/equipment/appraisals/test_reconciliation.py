"""Appraisals, inspections, liquidation terms and price index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.equipment.appraisals.inspections import (
    HOURS_A_DAY,
    InspectionFlag,
    Inspections,
    check_histories,
    check_inspections,
)
from valuation.equipment.appraisals.price_index import bounded_value, indexed_price, level_at, scrap_value
from valuation.equipment.appraisals.reconciliation import (
    HALF_LIFE_DAYS,
    Band,
    backtest_appraisers,
    deviation_band,
    reconcile,
    too_far_apart,
    weight_by_age,
)
from valuation.equipment.models.liquidation import STATED_TERMS, LiquidationTerms, learned_terms
from valuation.errors import InvalidInput


def test_the_bands_end_at_deviations_of_20_and_30_percent() -> None:
    bands = deviation_band([100.0, 120.0, 121.0, 130.0, 131.0, 69.0], 100.0)
    assert bands.tolist() == [Band.ACCEPTED, Band.ACCEPTED, Band.FLAGGED, Band.FLAGGED, Band.REJECTED, Band.REJECTED]


def test_appraisals_more_than_15_percent_apart_are_too_far_apart() -> None:
    assert not too_far_apart([100.0, 115.0])
    assert too_far_apart([100.0, 115.5])
    assert not too_far_apart([100.0])


def test_an_appraisal_loses_half_its_weight_in_a_year() -> None:
    assert weight_by_age([0.0, HALF_LIFE_DAYS]).tolist() == [1.0, 0.5]
    with pytest.raises(InvalidInput, match="age_days"):
        weight_by_age([-1.0])


@given(st.floats(50, 150), st.floats(0, 170), st.floats(0.05, 0.5))
def test_a_reconciled_value_is_between_model_and_appraisal(amount: float, age: float, error: float) -> None:
    found = reconcile(100.0, 0.2, [amount], [age], error)
    assert min(100.0, amount) - 1e-9 <= found.value <= max(100.0, amount) + 1e-9


def test_rejected_expired_and_contradicting_appraisals_have_no_weight() -> None:
    assert reconcile(100.0, 0.2, [140.0], [0.0], 0.1).value == pytest.approx(100.0)
    assert reconcile(100.0, 0.2, [110.0], [400.0], 0.1).value == pytest.approx(100.0)
    apart = reconcile(100.0, 0.2, [90.0, 115.0], [0.0, 0.0], 0.1)
    assert apart.apart
    assert apart.value == pytest.approx(100.0)


def test_a_biased_appraiser_is_flagged_and_one_with_few_sales_is_not() -> None:
    names = np.array(["high"] * 6 + ["fair"] * 6 + ["new"] * 2)
    realised = np.full(14, 100.0)
    appraised = np.array([120.0] * 6 + [99.0, 101.0] * 3 + [300.0, 300.0])
    fair, high, new = backtest_appraisers(names, appraised, realised, np.zeros(14))
    assert (high.flagged, fair.flagged, new.flagged) == (True, False, False)
    assert high.bias == pytest.approx(np.log(1.2))
    assert np.isnan(new.bias)


def test_old_appraisals_have_less_weight_in_the_record() -> None:
    names = np.array(["one"] * 6)
    appraised, realised = np.array([150.0, 150.0, 150.0, 100.0, 100.0, 100.0]), np.full(6, 100.0)
    old_errors = backtest_appraisers(names, appraised, realised, np.array([730.0] * 3 + [0.0] * 3))[0]
    new_errors = backtest_appraisers(names, appraised, realised, np.array([0.0] * 3 + [730.0] * 3))[0]
    assert old_errors.bias == pytest.approx(np.log(1.5) / 5.0)
    assert new_errors.bias == pytest.approx(np.log(1.5) * 4.0 / 5.0)
    with pytest.raises(InvalidInput, match="age_days"):
        backtest_appraisers(names, appraised, realised, np.full(6, -1.0))


def test_the_shares_are_the_weights_of_the_log_values() -> None:
    found = reconcile(100.0, 0.2, [108.0, 95.0, 0.0], [0.0, 100.0, 0.0], 0.15)
    log_value = sum(share * np.log(amount) for share, amount in zip(found.shares[:2], (108.0, 95.0), strict=True))
    log_value += (1.0 - sum(found.shares)) * np.log(100.0)
    assert found.value == pytest.approx(np.exp(log_value))
    assert found.shares[2] == 0.0
    assert found.shares[0] > found.shares[1] > 0.0


def inspected(
    hours: list[float], condition: list[int], worked_on: list[bool], built: list[float] | None = None
) -> list[int]:
    """Returns the flags of inspections at intervals of 100 days."""
    count = len(hours)
    days = np.arange(count) * 100 + 15_000
    return check_inspections(
        Inspections(
            days,
            np.array(hours),
            np.array(condition, np.int8),
            np.array(built or [2000.0] * count),
            np.array(worked_on),
        )
    ).tolist()


def test_falling_and_too_fast_meters_are_flagged_across_a_missing_reading() -> None:
    flags = inspected([500.0, np.nan, 400.0, 9_000.0], [2] * 4, [False] * 4)
    assert flags == [0, 0, InspectionFlag.HOURS_FELL, InspectionFlag.HOURS_TOO_FAST]


def test_an_improved_condition_without_work_is_flagged() -> None:
    assert inspected([np.nan] * 3, [3, 0, 2], [False] * 3) == [0, 0, InspectionFlag.CONDITION_IMPROVED]
    assert inspected([np.nan] * 3, [3, 0, 2], [False, False, True]) == [0, 0, 0]


def test_a_build_year_after_the_inspection_or_a_changed_one_is_flagged() -> None:
    flags = inspected([np.nan] * 3, [2] * 3, [False] * 3, [2000.0, 2050.0, np.nan])
    assert flags == [0, InspectionFlag.BUILT_AFTER | InspectionFlag.BUILD_YEAR_CHANGED, 0]


def test_rows_of_a_file_have_the_flags_of_each_machine_alone() -> None:
    random = np.random.default_rng(5)
    count = 400
    machine = np.array([f"m{number}" for number in random.integers(0, 60, count)], dtype=object)
    day = random.permutation(count).astype(np.float64) * 30.0
    hours = np.where(random.random(count) < 0.2, np.nan, random.integers(1, 30_000, count).astype(np.float64))
    condition = random.integers(0, 6, count)
    built = random.choice([np.nan, 1965.0, 1966.0], count)
    quality = np.where(condition == 0, np.nan, -condition.astype(np.float64))
    found = check_histories(machine, day, hours, quality, built, HOURS_A_DAY)
    for name in np.unique(machine):
        rows = np.flatnonzero(machine == name)
        rows = rows[np.argsort(day[rows])]
        alone = Inspections(
            day[rows].astype(np.int64), hours[rows], condition[rows].astype(np.int8), built[rows],
            np.zeros(len(rows), np.bool_),
        )  # fmt: skip
        assert found[rows].tolist() == check_inspections(alone).tolist()
    assert set(np.unique(found).tolist()) > {0}


def test_rows_without_a_machine_name_are_not_compared() -> None:
    unnamed = np.array(["", ""], dtype=object)
    falling, unknown = np.array([500.0, 400.0]), np.full(2, np.nan)
    assert check_histories(unnamed, np.array([1.0, 2.0]), falling, unknown, unknown, 24.0).tolist() == [0, 0]


def test_negative_hours_are_refused() -> None:
    with pytest.raises(InvalidInput, match="hours"):
        inspected([-1.0], [2], [False])


def test_estimated_liquidation_factors_are_in_order() -> None:
    errors = np.random.default_rng(1).normal(-0.05, 0.2, 500)
    terms = learned_terms(errors, STATED_TERMS["commodity"])
    assert 0.0 < terms.flv_factor < terms.olv_factor <= 1.0


@given(st.floats(0, 1e9), st.sampled_from(sorted(STATED_TERMS)))
def test_stated_terms_keep_the_bases_in_order(fmv: float, marketability: str) -> None:
    values = STATED_TERMS[marketability].values(np.array([fmv]))
    assert fmv >= values.olv[0] >= values.flv[0] >= 0.0
    assert values.olv[0] >= values.nolv[0] >= 0.0


def test_contradictory_terms_are_refused() -> None:
    with pytest.raises(InvalidInput, match="flv_factor"):
        LiquidationTerms(0.5, 0.6, 0.1, 0.1, 0.0, 1.0)
    with pytest.raises(InvalidInput, match="months_to_sell"):
        LiquidationTerms(0.5, 0.4, 0.1, 0.1, 0.0, -1.0)


def test_a_price_is_adjusted_by_the_index() -> None:
    months, index = [24_000, 24_001, 24_012], [100.0, 101.0, 112.0]
    assert indexed_price([1_000.0], [24_000.0], 24_012, months, index).tolist() == [1_120.0]
    assert indexed_price([1_010.0], [24_005.0], 24_012, months, index) == pytest.approx([1_120.0])
    with pytest.raises(InvalidInput, match="price_month"):
        indexed_price([1.0], [23_999.0], 24_012, months, index)


@given(st.lists(st.floats(1, 500), min_size=0, max_size=8), st.lists(st.integers(-3, 12), min_size=1, max_size=5))
def test_the_level_of_a_day_is_the_last_one_on_or_before_it(levels: list[float], dates: list[int]) -> None:
    days = [2 * place for place in range(len(levels))]
    found = level_at(dates, days, levels)
    for day, level in zip(dates, found.tolist(), strict=True):
        before = [one for known, one in zip(days, levels, strict=True) if known <= day]
        assert level == before[-1] if before else np.isnan(level)


def test_a_value_is_limited_to_scrap_value_and_replacement_cost() -> None:
    assert bounded_value([5.0, 50.0, 500.0], 10.0, 100.0).tolist() == [10.0, 50.0, 100.0]
    with pytest.raises(InvalidInput, match="scrap"):
        bounded_value([5.0], 110.0, 100.0)
    assert scrap_value([2.0, 2.0], [300.0, 300.0], [100.0, 700.0]).tolist() == [500.0, 0.0]
