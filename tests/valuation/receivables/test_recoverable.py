"""Expected recoverable and lendable amounts: worked examples, bounds, and shares that sum to the pool's figure."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.money import PPM, SHARE_UNITS
from valuation.receivables.recoverable import (
    Expectation,
    InvoiceParts,
    Lendable,
    PoolParts,
    default_probability,
    expected_recoverable,
    lendable,
    pool_parts,
)

shares = st.floats(0.0, 1.0)
rows = st.lists(
    st.tuples(st.integers(0, 10**12), st.integers(0, 400), *[shares] * 7, st.integers(0, PPM)), min_size=1, max_size=6
)
NAMES = ("value", "liquidity", "cost", "legal")


def columns(given_rows) -> tuple[np.ndarray, Expectation, InvoiceParts, np.ndarray]:
    eligible, days, dilution, pd, lgd, *parts, advance = (np.array(column) for column in zip(*given_rows, strict=True))
    return eligible, Expectation(days, dilution, pd, lgd, np.full(len(days), 0.05)), InvoiceParts(*parts), advance


def valued(given_rows) -> tuple[np.ndarray, Lendable, PoolParts]:
    eligible, expected, parts, advance = columns(given_rows)
    recoverable = expected_recoverable(eligible, expected)
    return recoverable, lendable(recoverable, eligible, parts.kept_units, advance), pool_parts(recoverable, parts)


def test_the_probability_of_a_default_grows_with_the_days():
    found = default_probability(np.array([0.04, 0.04]), np.array([75, 365]))

    assert found == pytest.approx([0.008353, 0.04], abs=5e-7)
    assert 85_000 * 0.75 * found[0] == pytest.approx(532.50, abs=0.005)


def test_a_strong_debtor_is_limited_by_the_advance_and_a_weak_one_by_the_economic_value():
    strong = (10_000_000, 62, 0.03, 0.02, 0.6, 0.01, 0.05, 0.02, 0.01, 850_000)
    weak = (10_000_000, 110, 0.08, 0.12, 0.75, 0.03, 0.10, 0.03, 0.05, 850_000)

    recoverable, lent, _ = valued([strong, weak])
    haircuts = [1 - np.prod([1 - getattr(valued([row])[2], name) for name in NAMES]) for row in (strong, weak)]

    assert recoverable.tolist() == [9_600_168, 8_808_752]
    assert lent.share_minor.tolist() == [8_500_000, 7_086_372]
    assert haircuts == pytest.approx([0.087527, 0.195531], abs=5e-7)


def test_the_pool_is_rounded_down_once_and_the_first_of_equal_invoices_has_the_odd_cent():
    nothing = (0.0,) * 7
    _, lent, _ = valued([(101, 0, *nothing, 333_000)] * 3)

    assert (lent.total_minor, lent.share_minor.tolist()) == (100, [34, 33, 33])


@given(rows)
def test_lendable_amounts_are_within_their_bounds_and_sum_to_the_exact_total(given_rows):
    eligible, _, parts, advance = columns(given_rows)
    recoverable, lent, _ = valued(given_rows)
    exact = Fraction(0)
    for row in range(len(eligible)):
        kept = np.float64(1.0)
        for name in NAMES:
            kept = kept * (1.0 - getattr(parts, name)[row])
        most = Fraction(int(eligible[row]) * int(advance[row]), PPM)
        one = min(Fraction(int(recoverable[row]) * int(np.rint(kept * SHARE_UNITS)), SHARE_UNITS), most)
        assert int(one) <= lent.share_minor[row] <= -(-one // 1)
        exact += one

    assert (recoverable >= 0).all()
    assert (recoverable <= eligible).all()
    assert lent.total_minor == int(exact) == lent.share_minor.sum()


@given(rows)
def test_the_parts_of_a_pool_keep_what_the_parts_of_its_invoices_keep(given_rows):
    _, _, parts, _ = columns(given_rows)
    recoverable, _, pooled = valued(given_rows)
    kept = sum(recoverable * np.prod([1.0 - getattr(parts, name) for name in NAMES], axis=0))
    product = recoverable.sum() * np.prod([1.0 - getattr(pooled, name) for name in NAMES])

    assert product == pytest.approx(kept, rel=1e-9, abs=1e-3)
    assert all(-1e-12 <= getattr(pooled, name) <= 1.0 for name in NAMES)


@pytest.mark.parametrize("field", ["dilution", "pd", "lgd", "rate", "days"])
def test_negative_expectations_are_refused(field):
    fields = {name: np.array([0.0]) for name in ("days", "dilution", "pd", "lgd", "rate")}

    with pytest.raises(InvalidInput, match=field):
        Expectation(**fields | {field: np.array([-0.1])})


@pytest.mark.parametrize("field", NAMES)
def test_parts_above_1_are_refused(field):
    with pytest.raises(InvalidInput, match=field):
        InvoiceParts(**{name: np.array([0.0]) for name in NAMES} | {field: np.array([1.01])})
