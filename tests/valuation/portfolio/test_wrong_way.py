"""Expected loss given default with correlated collateral."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.haircuts.supervisory.volatility import volatility_haircut
from valuation.portfolio.wrong_way import expected_lgd, expected_loss

CASE = {"default_probability": 0.02, "ltv": 0.8, "sale_cost": 0.10, "volatility": 0.30}


def simulated(correlation, count=2_000_000):
    """Returns the mean loss of simulated defaults; borrower factors are drawn below the default threshold only."""
    from scipy.special import ndtri

    generator = np.random.default_rng(6)
    borrower = ndtri(0.02 * (1.0 - generator.random(count // 10)))
    own = generator.normal(size=count // 10)
    value = np.exp(-(0.30**2) / 2 + 0.30 * (correlation * borrower + np.sqrt(1 - correlation**2) * own))
    return np.mean(np.maximum(1.0 - value * 0.9 / 0.8, 0.0))


@pytest.mark.parametrize(
    ("correlation", "lgd", "loss"), [(0.0, 0.0737, 0.00147), (0.3, 0.1651, 0.00330), (0.6, 0.2911, 0.00582)]
)
def test_the_worked_examples_within_one_percent(correlation, lgd, loss):
    found = expected_lgd(**CASE, correlation=correlation)

    assert found == pytest.approx(lgd, rel=0.01)
    assert expected_loss(0.02, found, 1.0) == pytest.approx(loss, rel=0.01)


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.3, 0.6, 0.9])
def test_it_matches_simulated_defaults(correlation):
    assert expected_lgd(**CASE, correlation=correlation) == pytest.approx(simulated(correlation), rel=0.01, abs=5e-4)


@given(st.floats(0.001, 0.5), st.floats(0.1, 2.0), st.floats(0.0, 0.5), st.floats(0.05, 0.8))
def test_without_correlation_the_lgd_does_not_depend_on_the_pd(pd, ltv, cost, volatility):
    found = expected_lgd(pd, ltv, cost, volatility, 0.0)

    assert found == pytest.approx(expected_lgd(0.5, ltv, cost, volatility, 0.0))
    assert 0.0 <= found <= 1.0


@given(st.floats(-0.8, 0.7), st.floats(0.01, 0.2))
def test_a_higher_correlation_never_lowers_the_loss(correlation, more):
    assert expected_lgd(**CASE, correlation=correlation + more) >= expected_lgd(**CASE, correlation=correlation)


def test_a_low_ltv_gives_a_negligible_loss():
    safe = 1.0 - volatility_haircut(0.30, 1.0, 0.999999)

    assert expected_lgd(0.02, safe * 0.5, 0.0, 0.30, 0.0) < 1e-6


def test_arguments_broadcast():
    found = expected_lgd(**CASE, correlation=np.array([0.0, 0.3, 0.6]))

    assert found == pytest.approx([0.0737, 0.1651, 0.2911], rel=0.01)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("default_probability", 0.0),
        ("default_probability", 1.0),
        ("ltv", 0.0),
        ("sale_cost", 1.0),
        ("volatility", 0.0),
        ("correlation", 1.0),
        ("years", 0.0),
    ],
)
def test_an_error_names_the_argument_out_of_range(field, value):
    with pytest.raises(InvalidInput, match=f"^{field}: got {value}"):
        expected_lgd(**CASE | {"correlation": 0.3} | {field: value})
