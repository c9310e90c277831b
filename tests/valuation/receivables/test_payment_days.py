"""Distribution of the days late of each debtor, with open invoices and credibility toward the book."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from valuation.errors import InvalidInput
from valuation.receivables.payment_days import PaymentDays, Payments, amount_weights, payment_days
from valuation.statistics.credibility import blended

invoices = st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 12), st.booleans()), min_size=1, max_size=25).filter(
    lambda rows: not all(is_open for _, _, is_open in rows)
)


def payments_of(rows, weight=None) -> Payments:
    """Returns payments from rows of debtor, days and whether the invoice is open."""
    debtor, days, is_open = (np.array(column) for column in zip(*rows, strict=True))
    return Payments(debtor, days, is_open, np.ones(len(rows)) if weight is None else np.array(weight))


def unpaid_after(found: PaymentDays, debtor: int, day: int) -> float:
    """Returns the probability that a debtor pays later than a day."""
    return float(found.share[debtor, found.days > day].sum())


def test_twelve_invoices_move_the_expected_days_late_three_eighths_of_the_way_from_the_book_to_the_debtor():
    found = blended(np.array([9.5]), np.array([12.0]), 0.797, 20.0)

    assert found[0] == pytest.approx(4.0606, abs=5e-5)


def test_without_open_invoices_a_debtor_has_the_weighted_mean_of_its_own_and_the_books_distribution():
    found = payment_days(payments_of([(0, 0, False), (0, 3, False), (1, 5, False)]), 3, book_invoices=2.0)
    own = np.isin(found.days, (0, 3)) / 2.0
    book = (own + (found.days == 5)) / 2.0

    np.testing.assert_allclose(found.share[0], (2.0 * own + 2.0 * book) / 4.0, atol=1e-12)
    np.testing.assert_allclose(found.share[2], book, atol=1e-12)
    assert found.credibility.tolist() == [0.5, 1.0 / 3.0, 0.0]


def test_a_debtor_with_almost_no_weight_of_the_book_has_the_textbook_product_of_its_open_and_paid_invoices():
    # Kaplan and Meier: of 5 invoices one is paid on day 1, one is open on day 2, one of the other 3 is paid on day 4.
    rows = [(0, 1, False), (0, 2, True), (0, 4, False), (0, 6, True), (0, 6, True)]
    found = payment_days(payments_of(rows), 1, book_invoices=1e-9)

    assert unpaid_after(found, 0, 1) == pytest.approx(4 / 5)
    assert unpaid_after(found, 0, 3) == pytest.approx(4 / 5)
    assert unpaid_after(found, 0, 4) == pytest.approx(4 / 5 * 2 / 3)
    assert found.quantile(0.9)[0] == 180


def test_open_invoices_make_a_debtor_later_than_its_paid_ones_alone_and_never_vanish():
    paid = [(0, 0, False), (0, 1, False), (0, 2, False), (1, 0, False)]
    still_open = [(0, 60, True), (0, 75, True), (0, 90, True)]
    with_open, alone = (payment_days(payments_of(rows), 2) for rows in (paid + still_open, paid))

    assert alone.quantile(0.8)[0] <= 2
    assert with_open.quantile(0.8)[0] == 180
    assert with_open.mean()[0] > alone.mean()[0] + 60.0


@settings(max_examples=15)
@given(invoices, st.floats(0.1, 50.0))
def test_the_distribution_is_the_estimate_of_susarla_and_van_ryzin_in_its_published_form(rows, mass):
    found = payment_days(payments_of(rows), 5, book_invoices=mass, last_day=20)
    book = found.share[4]
    beyond = {day: mass * float(book[found.days > day].sum()) for day in range(int(found.days[0]) - 1, 21)}
    for debtor in range(4):
        own = [(days, is_open) for of, days, is_open in rows if of == debtor]
        for day in range(int(found.days[0]), 20):
            later = sum(days > day for days, _ in own)
            expected = (beyond[day] + later) / (mass + len(own))
            for censored in {days for days, is_open in own if is_open and days <= day}:
                same = sum(is_open and days == censored for days, is_open in own)
                after = sum(days > censored for days, _ in own)
                if beyond[censored] + after > 1e-9:
                    expected *= (beyond[censored] + after + same) / (beyond[censored] + after)
            if beyond[day] > 1e-9:
                assert unpaid_after(found, debtor, day) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=15)
@given(invoices)
def test_the_probabilities_of_every_debtor_sum_to_one_and_do_not_depend_on_the_order_of_the_invoices(rows):
    found, turned = (payment_days(payments_of(given_rows), 4) for given_rows in (rows, rows[::-1]))

    np.testing.assert_allclose(found.share.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(found.share, turned.share, atol=1e-9)
    assert (found.share >= 0.0).all()


@settings(max_examples=25)
@given(invoices, st.floats(0.05, 0.95))
def test_the_shortest_interval_holds_its_probability_and_no_shorter_one_does(rows, level):
    found = payment_days(payments_of(rows), 4, last_day=20)
    low, high = found.shortest_interval(level)

    for debtor, share in enumerate(found.share):
        inside = (found.days >= low[debtor]) & (found.days <= high[debtor])
        shorter = int(inside.sum()) - 1
        assert share[inside].sum() >= level - 1e-9
        assert all(share[at : at + shorter].sum() < level for at in range(len(share) - shorter + 1))


def test_the_wait_of_a_late_invoice_is_that_of_the_later_days_alone():
    rows = [(0, 0, False)] * 8 + [(0, 30, False), (0, 50, False)]
    found = payment_days(payments_of(rows), 1)
    wait = found.expected_wait(np.zeros(4, dtype=np.int64), np.array([-10, 0, 30, 50]))

    np.testing.assert_allclose(wait[:3], [(30 + 50) / 10 + 10, 40.0, 20.0])
    assert np.isnan(wait[3])


def test_an_invoice_that_is_open_on_the_last_day_is_certain_to_be_paid_then_or_later():
    rows = [(0, 0, False), (0, 300, True)]
    found = payment_days(payments_of(rows), 1)

    assert found.share[0, -1] == pytest.approx(0.5)
    assert found.share[0, found.days == 0] == pytest.approx(0.5)


def test_a_large_late_invoice_dominates_the_days_of_money_and_counts_as_little_experience():
    amount, debtor = np.array([1_000_000, 100, 100, 100]), np.zeros(4, dtype=np.int64)
    weight = amount_weights(amount, debtor, 1)
    rows = [(0, 40, False), (0, 0, False), (0, 0, False), (0, 0, False)]

    assert weight.sum() == pytest.approx(1.0, abs=1e-3)
    assert amount_weights(np.full(4, 7), debtor, 1).tolist() == [1.0] * 4
    assert payment_days(payments_of(rows, weight), 1).quantile(0.5)[0] == 40
    assert payment_days(payments_of(rows), 1).quantile(0.5)[0] == 0


def test_a_book_without_a_payment_and_inputs_outside_their_ranges_have_no_distribution():
    with pytest.raises(InvalidInput, match="paid invoice"):
        payment_days(payments_of([(0, 5, True)]), 1)
    with pytest.raises(InvalidInput, match="debtor"):
        payment_days(payments_of([(1, 5, False)]), 1)
    with pytest.raises(InvalidInput, match="book_invoices"):
        payment_days(payments_of([(0, 5, False)]), 1, book_invoices=0.0)
    with pytest.raises(InvalidInput, match="weight"):
        payments_of([(0, 5, False)], [0.0])
    with pytest.raises(InvalidInput, match="amount_minor"):
        amount_weights(np.array([0]), np.array([0]), 1)
