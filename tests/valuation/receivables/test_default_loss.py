"""Default loss of a pool over its debtors: by enumeration, by simulation, and in the granular limit."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import ndtri

from valuation.errors import InvalidInput
from valuation.haircuts.supervisory.risk_weight import WEIGHT_OF_CAPITAL, corporate_risk_weight
from valuation.receivables.default_loss import BANDS, default_loss
from valuation.statistics.closed_forms import conditional_default_probability

EXPOSURE = np.array([9_000_000, 4_000_000, 2_500_000, 1_200_000, 700_000, 300_000])
PD = np.array([0.02, 0.05, 0.01, 0.12, 0.03, 0.2])
LGD = np.array([0.6, 0.45, 0.75, 0.6, 0.4, 1.0])


def test_without_a_common_factor_the_distribution_is_that_of_all_combinations_of_defaults():
    found = default_loss(EXPOSURE, PD, LGD, correlation=0.0)
    defaults = np.array(list(product([0, 1], repeat=len(PD))))
    chance = np.prod(np.where(defaults, PD, 1.0 - PD), axis=1)
    loss = defaults @ (EXPOSURE * LGD)
    between = (np.unique(loss)[:-1] + np.unique(loss)[1:]) / 2.0
    bands = np.arange(len(found.share)) * found.band_minor

    for middle in between[np.diff(np.unique(loss)) > 3.0 * len(PD) * found.band_minor]:
        assert found.share[bands <= middle].sum() == pytest.approx(chance[loss <= middle].sum(), abs=1e-12)


def test_with_a_common_factor_the_distribution_is_that_of_a_simulation():
    draw = np.random.default_rng(11)
    count, rho = 200_000, 0.15
    common = draw.normal(size=(count, 1))
    fortune = np.sqrt(rho) * common + np.sqrt(1.0 - rho) * draw.normal(size=(count, len(PD)))
    loss = (fortune < ndtri(PD)) @ (EXPOSURE * LGD)
    found = default_loss(EXPOSURE, PD, LGD, rho)

    for level in (0.9, 0.95, 0.99, 0.999):
        assert found.quantile_minor(level) == pytest.approx(np.quantile(loss, level, method="inverted_cdf"), rel=0.01)
    assert found.expected_minor == pytest.approx(loss.mean(), rel=0.02)


@pytest.mark.parametrize(("pd", "rho", "level"), [(0.01, 0.15, 0.999), (0.05, 0.15, 0.99), (0.02, 0.3, 0.995)])
def test_a_pool_of_many_equal_debtors_loses_the_closed_form(pd, rho, level):
    count = 800
    found = default_loss(np.full(count, 1_000_000), np.full(count, pd), np.full(count, 0.4), rho)
    granular = 0.4 * float(conditional_default_probability(pd, rho, -ndtri(level)))

    assert granular < found.quantile_minor(level) / (count * 1e6) < 1.03 * granular


def test_the_loss_beyond_the_expected_one_is_the_capital_of_the_corporate_function():
    # One year, so that the adjustment for maturity is 1; the correlation is that of the function at 1 %.
    share = (1.0 - np.exp(-0.5)) / (1.0 - np.exp(-50.0))
    count, rho = 1_500, 0.12 * share + 0.24 * (1.0 - share)
    found = default_loss(np.full(count, 1_000_000), np.full(count, 0.01), np.full(count, 0.4), rho)
    capital = float(corporate_risk_weight(0.01, 0.4, 1.0)) / WEIGHT_OF_CAPITAL

    assert capital == pytest.approx(0.052109, abs=5e-7)
    assert found.concentration_risk_minor(0.999) / (count * 1e6) == pytest.approx(capital, rel=0.02)


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=12),
    st.floats(0.0, 0.6),
)
def test_the_mean_of_the_distribution_is_the_expected_loss(debtors, rho):
    exposure, pd, lgd = (np.array(column) for column in zip(*debtors, strict=True))
    found = default_loss(exposure, pd, lgd, rho)

    assert found.expected_minor == pytest.approx(float(np.sum(exposure * pd * lgd)))
    assert found.share @ np.arange(len(found.share)) * found.band_minor == pytest.approx(
        found.expected_minor, rel=1e-4, abs=1e-4 * found.limit_minor
    )


def test_a_single_debtor_is_lost_in_whole_or_not_at_all():
    found = default_loss(np.array([1_000_000]), np.array([0.02]), np.array([0.6]), 0.15)

    assert found.quantile_minor(0.97) == 0
    assert found.quantile_minor(0.99) == 600_000
    assert found.concentration_risk_minor(0.99) == 600_000 - 12_000
    assert found.concentration_risk_minor(0.97) == 0
    assert np.flatnonzero(found.share > 1e-9).tolist() == [0, BANDS]


def test_the_same_amount_owed_by_fewer_debtors_is_the_larger_risk():
    risks = [
        default_loss(np.full(count, 64_000_000 // count), np.full(count, 0.02), np.full(count, 0.6), 0.15)
        for count in (64, 16, 4)
    ]

    assert len({round(found.expected_minor) for found in risks}) == 1
    assert [found.concentration_risk_minor(0.999) for found in risks] == sorted(
        found.concentration_risk_minor(0.999) for found in risks
    )


def test_a_pool_that_cannot_lose_has_no_risk():
    found = default_loss(np.array([0, 5]), np.array([0.5, 0.5]), np.array([1.0, 0.0]), 0.15)

    assert (found.expected_minor, found.quantile_minor(0.999), found.concentration_risk_minor(0.999)) == (0.0, 0, 0)


def test_inputs_outside_their_ranges_are_refused():
    one = np.array([1])
    with pytest.raises(InvalidInput, match="exposure_minor"):
        default_loss(-one, np.array([0.1]), np.array([0.1]), 0.15)
    with pytest.raises(InvalidInput, match="pd"):
        default_loss(one, np.array([1.1]), np.array([0.1]), 0.15)
    with pytest.raises(InvalidInput, match="lgd"):
        default_loss(one, np.array([0.1]), np.array([-0.1]), 0.15)
    with pytest.raises(InvalidInput, match="correlation"):
        default_loss(one, np.array([0.1]), np.array([0.1]), 1.0)
    with pytest.raises(InvalidInput, match="level"):
        default_loss(one, np.array([0.1]), np.array([0.1]), 0.15).quantile_minor(1.0)
