"""Roll rates between buckets of lateness, and the default rate that stands in for a rating."""

from itertools import product

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.receivables.roll_rates import BUCKETS, default_rates, lateness_bucket, roll_rates, rolled_amounts

RATES = np.array(
    [
        [0.85, 0.15, 0.0, 0.0, 0.0],
        [0.60, 0.30, 0.10, 0.0, 0.0],
        [0.20, 0.30, 0.10, 0.40, 0.0],
        [0.10, 0.10, 0.10, 0.10, 0.60],
        [0.0, 0.0, 0.0, 0.0, 1.0],
    ]
)


def test_an_invoice_that_is_due_today_is_not_late_and_91_days_are_the_last_bucket():
    days = np.array([-20, 0, 1, 30, 31, 60, 61, 90, 91, 400])

    assert lateness_bucket(days).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_amounts_roll_into_the_next_month_by_their_rates():
    rates = np.array([[0.85, 0.15, 0.0], [0.60, 0.30, 0.10], [0.20, 0.30, 0.50]])

    assert rolled_amounts(rates, np.array([800.0, 150.0, 50.0]))[2] == pytest.approx(40.0)


def test_rates_are_the_shares_of_the_weight_that_move():
    before, after = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 4])
    rates = roll_rates(before, after, np.array([1.0, 2.0, 1.0, 5.0]))

    assert rates[0].tolist() == [0.75, 0.25, 0.0, 0.0, 0.0]
    assert rates[1].tolist() == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert np.isnan(rates[2:]).all()
    with pytest.raises(InvalidInput, match="weight"):
        roll_rates(before, after, np.zeros(4))


def test_the_default_rate_is_the_sum_over_all_paths_that_reach_the_last_bucket():
    months = 5
    found = default_rates(RATES, months)

    for start in range(BUCKETS):
        chance = 0.0
        for path in product(range(BUCKETS), repeat=months):
            steps = [RATES[a, b] for a, b in zip((start, *path), path, strict=False)]
            chance += np.prod(steps) if path[-1] == BUCKETS - 1 else 0.0
        assert found[start] == pytest.approx(chance)


def test_a_debtor_that_recovers_after_90_days_has_still_defaulted():
    recovering = RATES.copy()
    recovering[4] = [1.0, 0.0, 0.0, 0.0, 0.0]

    assert default_rates(recovering).tolist() == default_rates(RATES).tolist()


def test_a_bucket_without_observations_leads_to_default_and_has_no_rate_of_its_own():
    missing = RATES.copy()
    missing[2] = np.nan
    found = default_rates(missing)

    assert found[0] > default_rates(RATES)[0]
    assert np.isnan(found[2])


def test_a_class_that_never_rolls_has_the_rate_0():
    assert default_rates(np.eye(BUCKETS))[:4].tolist() == [0.0] * 4
