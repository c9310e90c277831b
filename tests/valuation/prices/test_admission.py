"""Tests of quote admission: accepted, quarantined and refused quotes, and level breaks."""

import time

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.price_series import DAYS, noise, walk
from valuation.errors import InvalidInput
from valuation.prices.admission import AdmissionVerdict, RefusalReason, admit
from valuation.prices.jumps import jump_limit

A, D, Q, R = (
    AdmissionVerdict.ACCEPTED,
    AdmissionVerdict.DUPLICATE,
    AdmissionVerdict.QUARANTINED,
    AdmissionVerdict.REFUSED,
)
TODAY = DAYS[-1]
LEVEL = 100.0
KNOWN = (DAYS[:60], np.full(60, LEVEL))


def quotes(pairs):
    days = np.array([DAYS[day] for day, _ in pairs], dtype="datetime64[D]")
    return days, np.array([price for _, price in pairs], dtype=np.float64)


def offer(new, pending=(), known=KNOWN, today=TODAY):
    return admit(*known, *quotes(pending), *quotes(new), today)


def verdicts(*args, **kwargs):
    return offer(*args, **kwargs).verdict.tolist()


def test_a_price_near_the_one_before_is_accepted():
    assert verdicts([(60, 110.0), (61, 90.0)]) == [A, A]


def test_the_same_price_of_the_same_date_is_a_duplicate():
    assert verdicts([(59, LEVEL), (60, 101.0)]) == [D, A]


def test_equal_quotes_after_the_first_in_a_message_are_duplicates():
    """No date of a message may be stored twice."""
    assert verdicts([(60, 101.0), (60, 101.0)]) == [A, D]
    assert verdicts([(60, 10_000.0), (60, 10_000.0), (60, 10_000.0)]) == [Q, D, D]


def test_another_price_for_a_known_date_is_a_correction():
    assert verdicts([(59, 105.0), (30, 99.0)]) == [A, A]


def test_a_correction_is_judged_against_both_neighbours_and_not_against_what_it_corrects():
    wrong = np.full(60, LEVEL)
    wrong[30] = 10_000.0

    assert verdicts([(30, 101.0)], known=(DAYS[:60], wrong)) == [A]
    assert verdicts([(30, 200.0)]) == [Q]


def test_a_late_price_that_fits_the_day_before_but_not_the_day_after_is_quarantined():
    known = (DAYS[[0, 2]], np.array([100.0, 140.0]))

    assert verdicts([(1, 75.0)], known=known) == [Q]
    assert verdicts([(1, 120.0)], known=known) == [A]


def test_a_price_at_a_level_break_needs_to_agree_with_one_side_only():
    known = (DAYS[[0, 2]], np.array([100.0, 1000.0]))

    assert verdicts([(1, 105.0)], known=known) == [A]
    assert verdicts([(1, 300.0)], known=known) == [Q]


def test_a_price_before_all_known_ones_is_judged_against_the_first():
    known = (DAYS[10:60], np.full(50, LEVEL))

    assert verdicts([(0, 101.0), (1, 10_000.0)], known=known) == [A, Q]


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        (0.0, RefusalReason.NOT_POSITIVE),
        (-36.98, RefusalReason.NOT_POSITIVE),
        (-np.inf, RefusalReason.NOT_FINITE),
        (np.inf, RefusalReason.NOT_FINITE),
        (np.nan, RefusalReason.NOT_FINITE),
    ],
)
def test_a_price_without_a_logarithm_is_refused_and_other_quotes_are_accepted(price, reason):
    found = offer([(60, price), (61, 101.0)])

    assert found.verdict.tolist() == [R, A]
    assert found.reason.tolist() == [reason, RefusalReason.NONE]


def test_a_price_of_tomorrow_is_refused_and_one_of_today_is_not():
    found = offer([(61, 101.0), (60, 101.0)], today=DAYS[60])

    assert found.verdict.tolist() == [R, A]
    assert found.reason[0] == RefusalReason.FUTURE_DATE


def test_two_prices_for_one_date_in_one_message_are_both_refused():
    found = offer([(60, 100.0), (61, 100.0), (60, 101.0), (60, 100.0)])

    assert found.verdict.tolist() == [R, A, R, R]
    assert found.reason[0] == RefusalReason.CONFLICTING_DUPLICATE


def test_an_invalid_quote_does_not_conflict_with_a_valid_one_of_its_date():
    assert verdicts([(60, np.nan), (60, 101.0), (60, -1.0)]) == [R, A, R]


def test_a_jump_is_quarantined_and_does_not_change_the_level_used_for_other_quotes():
    found = offer([(60, 10_000.0), (61, 101.0)])

    assert found.verdict.tolist() == [Q, A]
    assert found.reason[0] == RefusalReason.JUMP
    assert not found.level_break


def test_three_quotes_in_a_row_that_agree_are_a_level_break():
    found = offer([(60, 300.0), (61, 310.0), (62, 290.0), (63, 305.0)])

    assert found.verdict.tolist() == [A] * 4
    assert found.reason.tolist() == [RefusalReason.NONE] * 4
    assert found.level_break


def test_the_third_quote_releases_the_two_in_quarantine():
    found = offer([(62, 290.0)], pending=[(60, 300.0), (61, 310.0)])

    assert found.verdict.tolist() == [A]
    assert found.released.tolist() == [True, True]
    assert found.level_break


def test_quarantined_quotes_that_disagree_are_not_released():
    found = offer([(62, 290.0)], pending=[(60, 3000.0), (61, 310.0)])

    assert found.verdict.tolist() == [Q]
    assert not found.released.any()


def test_errors_with_good_prices_between_them_never_confirm_each_other():
    """Occasional errors by a factor of 100 in a feed must not be accepted as the price."""
    new = [(60, 10_000.0), (61, 100.0), (62, 10_000.0), (63, 100.0), (64, 10_000.0), (65, 100.0)]

    assert verdicts(new) == [Q, A, Q, A, Q, A]


def test_repeating_an_error_does_not_confirm_it():
    found = offer([(61, 10_000.0), (61, 10_000.0)], pending=[(60, 10_000.0), (61, 10_000.0)])

    assert found.verdict.tolist() == [Q, D]
    assert not found.released.any()


def test_repeating_the_accepted_price_of_a_date_replaces_a_quarantined_correction():
    assert verdicts([(59, LEVEL)]) == [D]
    assert verdicts([(59, LEVEL)], pending=[(59, 10_000.0)]) == [A]
    assert verdicts([(58, LEVEL)], pending=[(59, 10_000.0)]) == [D]


def test_a_quote_replaces_the_quarantined_one_of_its_date():
    found = offer([(61, 100.0), (62, 10_000.0)], pending=[(60, 10_000.0), (61, 10_000.0)])

    assert found.verdict.tolist() == [A, Q]
    assert not found.released.any()


def test_late_quotes_at_another_level_stay_quarantined_if_a_later_price_disagrees():
    days = np.delete(np.arange(60), [20, 21, 22, 23])

    new = [(day, 10_000.0) for day in (20, 21, 22, 23)]
    assert verdicts(new, known=(DAYS[days], np.full(56, LEVEL))) == [Q] * 4


def test_a_series_restated_in_another_unit_up_to_its_end_is_accepted():
    found = offer([(day, 10_000.0) for day in range(40, 60)])

    assert found.verdict.tolist() == [A] * 20
    assert found.level_break


def test_the_first_prices_of_a_series_are_accepted():
    nothing = (np.array([], dtype="datetime64[D]"), np.array([]))

    assert verdicts([(1, 5.0), (0, 5.1)], known=nothing) == [A, A]


def test_no_new_quotes_give_no_verdicts():
    found = offer([])

    assert len(found.verdict) == 0
    assert not found.level_break


def test_the_order_of_quotes_in_a_message_does_not_matter():
    new = [(60, 101.0), (61, 10_000.0), (62, 102.0), (63, 300.0), (64, 301.0), (65, 302.0)]
    shuffled = [4, 1, 5, 0, 3, 2]

    found, reordered = offer(new), offer([new[row] for row in shuffled])

    assert reordered.verdict.tolist() == [found.verdict[row] for row in shuffled]


def test_the_limit_is_forty_percent_or_eight_robust_sigmas_of_a_volatile_history():
    assert jump_limit(walk(noise(10, 0.3))) == 0.40
    assert jump_limit(walk(noise(250, 0.01))) == 0.40
    assert jump_limit(walk(noise(250, 0.10))) == pytest.approx(0.80, rel=0.15)


def test_one_wrong_price_does_not_widen_the_limit():
    prices = walk(noise(250, 0.10))
    wrong = prices.copy()
    wrong[100] *= 100

    assert jump_limit(wrong) == pytest.approx(jump_limit(prices), rel=0.05)


def test_the_limit_ignores_old_returns():
    assert jump_limit(walk(np.concatenate([noise(500, 0.30), noise(250, 0.01)]))) == 0.40


@pytest.mark.parametrize("with_spike", [False, True])
def test_ten_thousand_quotes_are_judged_within_half_a_second(with_spike):
    days = np.busday_offset("1980-01-01", np.arange(10_300), roll="forward").astype("datetime64[D]")
    prices = walk(noise(10_299))
    if with_spike:
        prices[5_000] *= 100
    nothing = (np.array([], dtype="datetime64[D]"), np.array([]))

    begun = time.perf_counter()
    found = admit(days[:300], prices[:300], *nothing, days[300:], prices[300:], days[-1])

    assert time.perf_counter() - begun < 0.5
    assert int((found.verdict == Q).sum()) == int(with_spike)


def test_the_error_names_columns_of_different_length_and_missing_dates():
    with pytest.raises(InvalidInput, match="new prices: got 1 for 2 dates, want one for each date"):
        admit(*KNOWN, *quotes([]), DAYS[60:62], np.array([100.0]), TODAY)
    with pytest.raises(InvalidInput, match="new dates: got NaT, want a date"):
        admit(*KNOWN, *quotes([]), np.array(["NaT"], dtype="datetime64[D]"), np.array([100.0]), TODAY)


prices_of_a_message = st.lists(st.sampled_from([1.0, 95.0, 100.0, 104.0, 300.0, 310.0, 10_000.0]), max_size=12)


@given(prices_of_a_message)
def test_one_message_and_one_message_for_each_quote_accept_the_same_prices(prices):
    """Quotes arrive in date order; the quarantined ones are passed as pending to the next call."""
    new = [(60 + row, price) for row, price in enumerate(prices)]
    known, pending = list(zip(range(60), [LEVEL] * 60, strict=True)), []
    for quote in new:
        found = offer([quote], pending=pending, known=quotes(known))
        known += [held for held, released in zip(pending, found.released, strict=True) if released]
        pending = [held for held, released in zip(pending, found.released, strict=True) if not released]
        (known if found.verdict[0] == A else pending).append(quote)
        known.sort()

    at_once = offer(new)

    assert [quote for quote, verdict in zip(new, at_once.verdict, strict=True) if verdict == A] == known[60:]


@given(prices_of_a_message)
def test_every_accepted_quote_is_near_a_neighbour_or_part_of_a_level_break(prices):
    found = offer([(60 + row, price) for row, price in enumerate(prices)])
    used = np.array(prices)[found.verdict == A]
    moves = np.abs(np.diff(np.log(np.concatenate([[LEVEL], used]))))

    assert found.level_break or (moves <= 0.40).all()
