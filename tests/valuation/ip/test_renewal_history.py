"""Renewal histories: fits with censored histories, and implied values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import ndtr

from valuation.errors import InvalidInput
from valuation.ip.legal_terms import RightKind
from valuation.ip.renewal import RenewalFit, annuities, fit_renewal, renewal_value, share_in_force
from valuation.ip.renewal_history import HistoryFlag, fit_histories, implied_values

FEES = np.array(annuities("CN", RightKind.PATENT))
YEARS = len(FEES)
TRUE = (np.log(8_000.0), 1.4, 0.12)
FIT = RenewalFit(9.0, 1.4, 0.12, 0.0)
RATE = 0.10
PLAIN = (9.628710900882659, 2.6334627861559485, 0.19643972366876883, -244.03218896146336)
"""Reference fit of a cohort without censored histories."""


def censored_histories(seed: int, count: int = 2_000) -> tuple[np.ndarray, np.ndarray]:
    """Returns last year paid and lapse of simulated patents aged 1 to 20 years."""
    random = np.random.default_rng(seed)
    first, age = np.exp(random.normal(*TRUE[:2], count)), random.integers(1, YEARS + 1, count)
    would_pay = renewal_value(first, TRUE[2], RATE, FEES).years_renewed
    return np.minimum(would_pay, age), would_pay < age


def shares(fit: RenewalFit) -> np.ndarray:
    return share_in_force(fit.log_mean, fit.log_sd, fit.obsolescence, FEES)


@pytest.mark.parametrize("seed", range(5))
def test_censored_histories_improve_the_fit(seed: int) -> None:
    paid, lapsed = censored_histories(seed)
    true = share_in_force(*TRUE, FEES)
    kept = float(np.sum(~lapsed & (paid == YEARS)))
    without = fit_renewal(np.bincount(paid[lapsed], minlength=YEARS), kept, FEES)
    found = np.abs(shares(fit_histories(paid, lapsed, FEES)) - true).max()
    assert found < 0.05
    assert found < np.abs(shares(without) - true).max() / 3


def test_without_censored_histories_the_fit_is_that_of_a_complete_cohort() -> None:
    lapsed, kept = [10.0, 4, 3, 6, 2, 2, 9, 3, 2, 12, 3, 2, 6, 2, 2, 5, 2, 1, 1, 1], 9.0
    plain = fit_renewal(lapsed, kept, FEES)
    assert fit_renewal(lapsed, kept, FEES, np.zeros(YEARS)) == plain
    assert (plain.log_mean, plain.log_sd, plain.obsolescence, plain.log_likelihood) == pytest.approx(PLAIN, rel=1e-6)
    paid = np.repeat(np.arange(YEARS), np.array(lapsed, dtype=int))
    histories = fit_histories(np.append(paid, [YEARS] * 9), [True] * len(paid) + [False] * 9, FEES)
    assert histories == plain


def test_a_patent_in_force_after_the_last_fee_counts_as_kept() -> None:
    lapsed, last = [5.0, 3, 9, 4], [0.0, 0, 0, 7]
    assert fit_renewal(lapsed, 0.0, FEES[5:9], last) == fit_renewal(lapsed, 7.0, FEES[5:9])


def test_impossible_counts_and_fees_are_refused() -> None:
    lapsed, fees = [5.0, 3, 9], [1.0, 2, 3]
    for arguments, field in (
        ((lapsed, 1.0, fees, [1.0, -1.0, 0.0]), r"in_force\[1\]: got -1.0, want 0 or more"),
        ((lapsed, 1.0, fees, [1.0, np.nan, 0.0]), "in_force: got a count that is not finite"),
        ((lapsed, 1.0, fees, [1.0, 2.0]), "in_force: got 2 counts for 3 fees, want one for each fee"),
        ((lapsed, -1.0, fees, None), "kept: got -1.0, want 0 or more"),
        (([0.0, 0.0, 0.0], 1.0, fees, [5.0, 5.0, 5.0]), "lapsed: got 0.0, want more than 0 in total"),
        ((lapsed, 1.0, [1.0, 0.0, 3.0], None), r"fees\[1\]: got 0.0, want more than 0"),
        ((lapsed, 1.0, [1.0, np.inf, 3.0], None), "fees: got a fee that is not finite"),
    ):
        with pytest.raises(InvalidInput, match=field):
            fit_renewal(*arguments)


@pytest.mark.parametrize(
    ("paid", "lapsed", "worth"),
    [
        (4, True, (2_187.10, 1_904.47, 2_471.49)),
        (9, True, (29_256.76, 18_147.91, 42_271.80)),
        (9, False, (149_701.21, 21_885.59, 325_213.25)),
        (20, False, (915_612.99, 454_517.72, 1_573_926.91)),
    ],
)
def test_a_history_has_its_worked_value(paid: int, *, lapsed: bool, worth: tuple[float, float, float]) -> None:
    found = implied_values([paid], [lapsed], FIT, RATE, FEES)
    assert (found.value[0], found.low[0], found.high[0]) == pytest.approx(worth, abs=0.005)


def by_partial_means(fit: RenewalFit, paid: int, *, lapsed: bool) -> float:
    """Returns the mean in closed form: between two bounds the value is linear in the first return."""
    keep = 1.0 - fit.obsolescence
    year = np.arange(YEARS)
    needed = np.maximum.accumulate(FEES / keep**year)
    place = np.concatenate([[-np.inf], (np.log(needed) - fit.log_mean) / fit.log_sd, [np.inf]])
    total = weight = 0.0
    for band in range(paid, paid + 1 if lapsed else YEARS + 1):
        low, high = place[band], place[band + 1]
        chance = between(low, high)
        returns = np.exp(fit.log_mean + fit.log_sd**2 / 2) * between(low - fit.log_sd, high - fit.log_sd)
        slope = np.sum((keep / (1.0 + RATE)) ** year[:band])
        total += returns * slope - chance * np.sum(FEES[:band] / (1.0 + RATE) ** year[:band])
        weight += chance
    return float(total / weight)


def between(low: float, high: float) -> float:
    """Returns the probability of a standard normal in [low, high], computed in the nearer tail for accuracy."""
    return float(ndtr(-low) - ndtr(-high) if low + high > 0.0 else ndtr(high) - ndtr(low))


@settings(deadline=None, max_examples=50)
@given(
    mean=st.floats(6.0, 11.0), spread=st.floats(0.3, 5.0), decay=st.floats(0.02, 0.4),
    paid=st.integers(1, YEARS), lapsed=st.booleans(),
)  # fmt: skip
def test_the_mean_matches_the_closed_form_by_partial_means(
    mean: float, spread: float, decay: float, paid: int, *, lapsed: bool
) -> None:
    fit, gone = RenewalFit(mean, spread, decay, 0.0), lapsed and paid < YEARS
    found = implied_values([paid], [gone], fit, RATE, FEES)
    assert found.value[0] == pytest.approx(by_partial_means(fit, paid, lapsed=gone), rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(("paid", "lapsed"), [(0, False), (4, True), (9, True), (6, False), (14, False), (20, False)])
def test_mean_and_quantiles_match_a_fine_grid_of_first_returns(paid: int, *, lapsed: bool) -> None:
    """Weights a grid of first returns by density and keeps those that give the same history."""
    grid = 2_000_000
    place = np.linspace(-7.0, 9.0, grid)
    chance = np.exp(-(place**2) / 2)
    values = renewal_value(np.exp(FIT.log_mean + FIT.log_sd * place), FIT.obsolescence, RATE, FEES)
    same = values.years_renewed == paid if lapsed else values.years_renewed >= paid
    worth, share = values.value[same], chance[same] / chance[same].sum()
    points = np.interp([0.1, 0.9], np.cumsum(share), worth)
    found = implied_values([paid], [lapsed], FIT, RATE, FEES)
    assert found.value[0] == pytest.approx(np.sum(worth * share), rel=1e-4)
    assert [found.low[0], found.high[0]] == pytest.approx(points.tolist(), rel=1e-3, abs=0.01)


def test_values_rise_with_years_paid_and_a_lapse_lowers_them() -> None:
    paid = np.arange(1, YEARS)
    gone = implied_values(paid, [True] * len(paid), FIT, RATE, FEES)
    running = implied_values(paid, [False] * len(paid), FIT, RATE, FEES)
    for column in (gone.value, gone.low, gone.high, running.value, running.low, running.high):
        assert (np.diff(column) > 0).all()
    assert (gone.high < running.high).all()
    assert (gone.value < running.value).all()


def test_each_history_has_its_flags() -> None:
    found = implied_values([YEARS, 7, 0, 0, 7], [False, False, False, True, True], FIT, RATE, FEES)
    assert found.flags.tolist() == [
        HistoryFlag.TOP_OF_FEES, HistoryFlag.STILL_IN_FORCE, HistoryFlag.STILL_IN_FORCE | HistoryFlag.NO_HISTORY,
        HistoryFlag.NEVER_PAID, HistoryFlag.NONE,
    ]  # fmt: skip
    assert (found.value[3], found.low[3], found.high[3]) == (0.0, 0.0, 0.0)
    wide = implied_values([1], [False], RenewalFit(9.0, 4.0, 0.9, 0.0), RATE, FEES)
    above = HistoryFlag.MEAN_ABOVE_HIGH | HistoryFlag.OBSOLESCENCE_AT_EDGE
    assert wide.flags.tolist() == [HistoryFlag.STILL_IN_FORCE | above]


def test_a_lapse_at_a_lower_fee_than_one_paid_has_no_value() -> None:
    found = implied_values([1, 2], [True, True], FIT, RATE, [900.0, 100.0, 5_000.0])
    assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()
    assert found.flags.tolist() == [HistoryFlag.NO_RETURN_FITS, HistoryFlag.NONE]


def test_impossible_or_too_few_histories_and_bad_fits_are_refused() -> None:
    many, gone = np.arange(60) % 10, np.arange(60) % 2 == 0
    for paid, lapsed, field in (
        ([21], [False], r"years_paid\[0\]: got 21.0, want a whole number, 0 to 20"),
        ([1.5], [False], r"years_paid\[0\]"),
        ([np.nan], [False], r"years_paid\[0\]"),
        ([3, 20], [True, True], r"lapsed\[1\]: got yes after all 20 fees"),
        ([3, 4], [True], "lapsed: got 1 for 2 IP assets"),
        (many[:29], gone[:29], "years_paid: got 29 IP assets with a fee due, want at least 30"),
        (many, many == 4, "lapsed: got lapses in 1 different years, want at least 3"),
    ):
        with pytest.raises(InvalidInput, match=field):
            fit_histories(paid, lapsed, FEES)
    with pytest.raises(InvalidInput, match="fees: got 2 fees, want at least 3"):
        fit_histories(many % 2, gone, FEES[:2])
    for fit, rate, field in (
        (RenewalFit(9.0, 11.0, 0.1, 0.0), RATE, "log_sd: got 11.0, want 0.001 to 10"),
        (RenewalFit(np.nan, 1.0, 0.1, 0.0), RATE, "log_mean"),
        (FIT, -0.1, "discount_rate: got -0.1, want 0 or more"),
    ):
        with pytest.raises(InvalidInput, match=field):
            implied_values([3], [False], fit, rate, FEES)
