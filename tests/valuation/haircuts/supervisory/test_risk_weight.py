"""Tests of corporate risk weights against published values, and of refused input."""

from __future__ import annotations

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.haircuts.supervisory.risk_weight import corporate_risk_weight


def test_risk_weights_are_those_of_annex_5_of_basel_ii():
    found = 100.0 * corporate_risk_weight(np.array([0.0003, 0.01, 0.2]), 0.45)

    assert found == pytest.approx([14.44, 92.32, 238.23], abs=0.005)
    assert found[1] == pytest.approx(92.3168, abs=0.00005)


def test_collateral_that_halves_the_loss_halves_the_weight():
    assert corporate_risk_weight(0.01, 0.2) == pytest.approx(0.5 * corporate_risk_weight(0.01, 0.4))


def test_a_longer_loan_weighs_more():
    assert corporate_risk_weight(0.01, 0.45, 5.0) > corporate_risk_weight(0.01, 0.45, 1.0)


@pytest.mark.parametrize(
    ("given", "field"),
    [((0.0, 0.45), "pd"), ((np.nan, 0.45), "pd"), ((0.01, 1.2), "lgd"), ((0.01, 0.45, 0.5), "maturity_years")],
)
def test_the_error_names_arguments_out_of_range(given, field):
    with pytest.raises(InvalidInput, match=field):
        corporate_risk_weight(*given)
