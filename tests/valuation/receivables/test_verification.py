"""Monetary unit sampling: published factors and sizes, and the bound of the misstatement."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.receivables.verification import (
    first_unit,
    poisson_factor,
    sample_size,
    sampled_units,
    sampling_interval,
    upper_misstatement_share,
)


def test_the_factors_at_95_percent_are_the_published_ones():
    assert [poisson_factor(errors, 0.95) for errors in range(4)] == pytest.approx(
        [2.9957, 4.7439, 6.2958, 7.7537], abs=5e-5
    )


def test_a_book_of_2_500_000_with_128_000_tolerable_needs_59_letters():
    assert sample_size(250_000_000, 12_800_000, 0.95) == 59


def test_two_errors_of_40_and_15_percent_give_the_bound():
    share = upper_misstatement_share(59, [0.15, 0.40], 0.95)

    assert share == pytest.approx(0.066572, abs=5e-7)
    assert share * 2_500_000 == pytest.approx(166_431.12, abs=0.005)


taints = st.lists(st.floats(0.0, 1.0), max_size=10)


@given(st.integers(10, 1_000), taints, st.floats(0.0, 1.0))
def test_one_more_error_never_lowers_the_bound(sample, found, another):
    more = upper_misstatement_share(sample + 1, [*found, another], 0.95)

    assert more >= upper_misstatement_share(sample + 1, found, 0.95) - 1e-12
    assert 0.0 <= more <= 1.0


@pytest.mark.parametrize(("sample", "found"), [(0, []), (5, [1.1]), (5, [-0.1]), (1, [0.1, 0.1])])
def test_samples_and_taints_outside_their_ranges_are_refused(sample, found):
    with pytest.raises(InvalidInput):
        upper_misstatement_share(sample, found, 0.95)


@pytest.mark.parametrize(("book", "tolerable"), [(0, 1), (1, 0), (-5, -1)])
def test_a_size_needs_positive_amounts(book, tolerable):
    with pytest.raises(InvalidInput):
        sample_size(book, tolerable, 0.95)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=20), st.integers(1, 40), st.integers(0, 2**53))
def test_every_interval_th_unit_is_sampled_beginning_with_the_first(amounts, sample, seed):
    book = sum(amounts)
    if not book:
        return
    interval = sampling_interval(book, sample)
    first = first_unit(seed, interval)

    units = sampled_units(np.array(amounts), interval, first)

    owner = [at for at, amount in enumerate(amounts) for _ in range(amount)]
    chosen = [owner[unit] for unit in range(first, book, interval)]
    assert units.tolist() == [chosen.count(at) for at in range(len(amounts))]
    assert units.sum() >= min(sample, book)
    assert all(units[at] > 0 for at, amount in enumerate(amounts) if amount >= interval)


def test_a_seed_always_gives_the_same_first_unit_and_seeds_spread_evenly():
    assert [first_unit(seed, 1_000_000) for seed in (1, 2, 2**52)] == [162_913, 262_446, 245_061]
    places = [first_unit(seed, 10) for seed in range(2_000)]
    assert all(150 < places.count(place) < 250 for place in range(10))


@pytest.mark.parametrize(("book", "sample"), [(0, 1), (1, 0)])
def test_nothing_is_sampled_from_an_empty_book(book, sample):
    with pytest.raises(InvalidInput):
        sampling_interval(book, sample)
