"""First-passage and terminal probabilities."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.portfolio.first_passage import first_passage_probability, monitored_barrier, terminal_probability

CASE = {"value": 100.0, "barrier": 85.0, "drift": 0.0, "volatility": 0.30, "years": 60 / 250}
values, volatilities, years = st.floats(86, 500), st.floats(0.05, 1.0), st.floats(0.01, 5.0)


def daily(**case):
    barrier = monitored_barrier(case["barrier"], case["volatility"], 1 / 250)
    return first_passage_probability(**case | {"barrier": barrier})


def test_the_worked_example():
    assert first_passage_probability(**CASE) == pytest.approx(0.291129, abs=5e-7)
    assert daily(**CASE) == pytest.approx(0.258733, abs=5e-7)
    assert terminal_probability(**CASE) == pytest.approx(0.150962, abs=5e-7)


def test_daily_monitoring_matches_simulated_paths():
    moves = np.random.default_rng(1).normal(-(0.30**2) / 2 / 250, 0.30 / np.sqrt(250), (50_000, 60))
    paths = 100.0 * np.exp(np.cumsum(moves, axis=1))

    assert np.mean(paths.min(axis=1) <= 85.0) == pytest.approx(daily(**CASE), abs=6e-3)
    assert np.mean(paths[:, -1] <= 85.0) == pytest.approx(terminal_probability(**CASE), abs=5e-3)


def test_without_log_drift_first_passage_is_twice_the_terminal_probability():
    """The reflection principle holds at drift = sigma^2 / 2."""
    case = CASE | {"drift": 0.30**2 / 2}

    assert first_passage_probability(**case) == pytest.approx(2.0 * terminal_probability(**case))


@given(values, volatilities, years)
def test_with_negative_log_drift_it_is_between_once_and_twice_the_terminal_probability(value, volatility, time):
    case = {"value": value, "barrier": 85.0, "drift": 0.0, "volatility": volatility, "years": time}
    found, terminal = first_passage_probability(**case), terminal_probability(**case)

    assert terminal - 1e-12 <= found <= 2.0 * terminal + 1e-12
    assert found <= 1.0


@given(values, volatilities, years, st.floats(1.0, 2.0))
def test_more_time_or_a_nearer_barrier_never_lowers_the_probability(value, volatility, time, factor):
    found = first_passage_probability(value, 85.0, 0.0, volatility, time)

    assert first_passage_probability(value, 85.0, 0.0, volatility, time * factor) >= found - 1e-12
    assert first_passage_probability(max(value / factor, 85.0), 85.0, 0.0, volatility, time) >= found - 1e-12


@pytest.mark.parametrize("value", [85.0, 80.0])
def test_a_value_at_or_below_the_barrier_has_probability_one(value):
    assert first_passage_probability(value, 85.0, 0.5, 0.30, 1.0) == 1.0


@pytest.mark.parametrize("drift", [-5.0, 5.0])
def test_a_strong_drift_over_a_long_time_does_not_overflow(drift):
    found = first_passage_probability(100.0, 85.0, drift, 0.01, 100.0)

    assert found == (1.0 if drift < 0 else 0.0)


def test_arguments_broadcast():
    found = first_passage_probability([100.0, 80.0], 85.0, 0.0, 0.30, 60 / 250)

    assert found == pytest.approx([0.291129, 1.0], abs=5e-7)


@pytest.mark.parametrize("field", ["value", "barrier", "volatility", "years"])
def test_an_error_names_the_argument_that_is_not_positive(field):
    with pytest.raises(InvalidInput, match=rf"^{field}: got 0\.0, want more than 0"):
        first_passage_probability(**CASE | {field: 0.0})
    with pytest.raises(InvalidInput, match=rf"^{field}: got -1\.0, want more than 0"):
        terminal_probability(**CASE | {field: -1.0})
