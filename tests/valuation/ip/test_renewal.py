"""Renewal model: fees, renewal decisions, values and the share in force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.ip.life import RightKind
from valuation.ip.renewal import annuities, renewal_value, share_in_force

CN_PATENT = annuities("CN", RightKind.PATENT)


def test_the_chinese_fees_are_the_published_ones() -> None:
    assert CN_PATENT == (900,) * 3 + (1200,) * 3 + (2000,) * 3 + (4000,) * 3 + (6000,) * 3 + (8000,) * 5
    assert annuities("CN", RightKind.UTILITY_MODEL) == (600,) * 3 + (900,) * 2 + (1200,) * 3 + (2000,) * 2
    assert annuities("CN", RightKind.DESIGN) == (600,) * 3 + (900,) * 2 + (1200,) * 3 + (2000,) * 2 + (3000,) * 5


@pytest.mark.parametrize(
    ("first_return", "lapses_before_year", "value"),
    [(5_000, 7, 12_388.1), (20_000, 11, 71_607.5), (100_000, 17, 413_088.0)],
)
def test_a_patent_has_the_worked_lapse_year_and_value(
    first_return: float, lapses_before_year: int, value: float
) -> None:
    """Yearly returns fall by 15 %, and the discount factor is 1 / 1.1."""
    values = renewal_value(first_return, 0.15, 0.10, CN_PATENT)
    assert values.value.round(1).tolist() == [value]
    assert values.years_renewed.tolist() == [lapses_before_year - 1]


def test_a_patent_with_returns_below_its_fees_is_never_renewed() -> None:
    values = renewal_value([100.0, 0.0], 0.15, 0.10, CN_PATENT)
    assert values.value.tolist() == [0.0, 0.0]
    assert values.years_renewed.tolist() == [0, 0]


def test_a_lapsed_patent_stays_lapsed_when_fees_fall() -> None:
    assert renewal_value(100.0, 0.0, 0.0, [50.0, 200.0, 50.0]).years_renewed.tolist() == [1]


@given(first=st.floats(0.0, 1e6), decay=st.floats(0.0, 0.9), rate=st.floats(0.0, 1.0))
def test_the_value_is_the_best_over_all_stopping_years(first: float, decay: float, rate: float) -> None:
    """The equality holds because the fees never fall."""
    year = np.arange(len(CN_PATENT))
    gains = (first * (1 - decay) ** year - np.array(CN_PATENT)) / (1 + rate) ** year
    best = max(0.0, float(np.cumsum(gains).max()))
    assert renewal_value(first, decay, rate, CN_PATENT).value[0] == pytest.approx(best, rel=1e-9, abs=1e-6)


@given(first=st.floats(0.0, 1e6), decay=st.floats(0.0, 0.9), rate=st.floats(0.0, 1.0), more=st.floats(0.0, 0.1))
def test_faster_obsolescence_or_a_higher_discount_rate_never_raises_the_value(
    first: float, decay: float, rate: float, more: float
) -> None:
    plain, faster, discounted = renewal_value(
        first, [decay, decay + more, decay], [rate, rate, rate + more], CN_PATENT
    ).value
    assert faster <= plain * (1 + 1e-12)
    assert discounted <= plain * (1 + 1e-12)


def test_the_share_in_force_matches_a_simulated_cohort() -> None:
    """Draws first returns and simulates the renewal decision of each owner."""
    first = np.exp(np.random.default_rng(1984).normal(8.5, 1.5, 200_000))
    renewed = renewal_value(first, 0.15, 0.10, CN_PATENT).years_renewed
    simulated = [(renewed > year).mean() for year in range(len(CN_PATENT))]
    assert share_in_force(8.5, 1.5, 0.15, CN_PATENT) == pytest.approx(simulated, abs=4e-3)


def test_the_share_in_force_never_rises_with_age() -> None:
    assert (np.diff(share_in_force(8.5, 1.5, 0.0, [900.0, 300.0, 1200.0])) <= 0).all()


def test_unknown_inputs_give_an_unknown_value() -> None:
    values = renewal_value([np.nan, 5e3, 5e3], [0.15, np.nan, 0.15], [0.1, 0.1, np.nan], CN_PATENT)
    assert np.isnan(values.value).all()


def test_inputs_out_of_range_and_offices_without_fees_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"first_return\[1\]: got -1.0, want 0 or more"):
        renewal_value([1.0, -1.0], 0.15, 0.1, CN_PATENT)
    with pytest.raises(InvalidInput, match=r"obsolescence\[0\]: got 1.5, want 0 to 1"):
        renewal_value(1.0, 1.5, 0.1, CN_PATENT)
    with pytest.raises(InvalidInput, match=r"log_sd: got 0.0, want more than 0"):
        share_in_force(8.5, 0.0, 0.15, CN_PATENT)
    with pytest.raises(InvalidInput, match="office: got US PATENT"):
        annuities("US", RightKind.PATENT)
