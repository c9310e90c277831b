"""Tests of the benchmark that compares exceedances after quiet, middle and wild months."""

import numpy as np
import pytest

from benchmarks.haircuts.conditional import KNOWN_MONTHS, cells_of, holm, thirds


def test_a_move_is_ranked_among_those_of_the_ten_years_before_it():
    returns = np.concatenate([np.linspace(-0.12, 0.12, KNOWN_MONTHS), [0.001, -0.06, 0.5]])

    assert thirds(returns)[: KNOWN_MONTHS + 1].tolist() == [-1] * KNOWN_MONTHS + [0]
    assert thirds(returns)[-2:].tolist() == [1, 2]


def test_holm_multiplies_by_the_number_of_p_values_that_are_not_smaller():
    assert holm(np.array([0.04, 0.01, 0.03, 0.6])) == pytest.approx([0.09, 0.04, 0.09, 0.6])


def test_a_rate_far_from_the_stated_one_is_rejected_and_the_stated_one_is_not():
    months = np.repeat(np.arange(600), 40)
    random = np.random.default_rng(1).random(len(months))
    low, high = months < 300, months >= 300

    found = cells_of(months, random < np.where(low, 0.01, 0.03), [low, high], 0.01)

    assert [cell.windows for cell in found] == [12_000, 12_000]
    assert found[0].holm > 0.05
    assert found[1].holm < 0.01


def test_exceedances_of_one_crisis_are_one_observation():
    """Twice the stated rate is rejected if it is spread over the years, and not if it is the rate of one month."""
    months = np.repeat(np.arange(600), 40)
    spread = np.arange(len(months)) % 50 == 0
    crisis = np.isin(months, np.arange(100, 112))
    cell = [np.ones(len(months), dtype=np.bool_)]

    assert cells_of(months, spread, cell, 0.01)[0].p_value < 0.01
    assert cells_of(months, crisis, cell, 0.01)[0].p_value > 0.05
