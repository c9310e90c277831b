"""Rules on dates and types, each with the day on which it changes, and cross-ageing with doubt."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.receivables.cross_ageing import cross_age
from valuation.receivables.exclusions import (
    CONSIGNMENT_TYPES,
    certificate_tenor,
    long_certificate,
    not_delivered,
    of_type,
    over_age,
    past_due,
    tenor,
)
from valuation.receivables.groups import earliest_first, latest_due_first
from valuation.receivables.rules import Truth, stated

DAY = np.datetime64("2026-06-30")


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def words(truth: Truth) -> list[str]:
    """Returns what the rule says of each invoice."""
    return [
        "excluded" if true else "unknown" if unknown else "kept"
        for true, unknown in zip(truth.true, truth.unknown, strict=True)
    ]


def test_an_invoice_is_over_age_from_the_day_after_its_limit():
    found = over_age(DAY, days("2026-04-01", "2026-03-31", "NaT", "2026-07-01"), 90)
    assert words(found) == ["kept", "excluded", "unknown", "unknown"]


def test_an_invoice_due_on_the_day_is_not_past_due_and_one_due_before_its_issue_is_unknown():
    due = days("2026-06-30", "2026-06-29", "NaT", "2026-05-01")
    issue = days("2026-06-01", "2026-06-01", "2026-06-01", "2026-05-02")

    assert words(past_due(DAY, due, issue, 0)) == ["kept", "excluded", "unknown", "unknown"]


def test_a_tenor_at_its_limit_is_kept():
    issue = days("2026-01-01", "2026-01-01", "2026-01-01", "NaT")
    due = days("2026-06-30", "2026-07-01", "NaT", "2026-07-01")

    assert words(tenor(due, issue, 180)) == ["kept", "excluded", "unknown", "unknown"]


def test_months_of_an_e_certificate_end_on_the_last_day_of_a_shorter_month():
    due, issue = days("2026-02-28", "2026-03-01", "2026-09-01"), days(*["2025-08-31"] * 3)
    certificates = np.full(3, fill_value=True)

    assert words(certificate_tenor(due, issue, certificates)) == ["kept", "kept", "excluded"]
    assert long_certificate(due, issue, certificates).tolist() == [False, True, True]
    assert words(certificate_tenor(due, days("NaT", "NaT", "NaT"), ~certificates)) == ["kept"] * 3


def test_an_invoice_without_delivery_is_unknown_during_the_grace_days_and_excluded_after_them():
    delivery = days("2026-06-20", "NaT", "NaT", "2026-07-01", "2026-06-20")
    issue = days("2026-06-20", "2026-06-24", "2026-06-25", "2026-06-20", "2026-06-20")
    found = not_delivered(DAY, issue, delivery, np.array([380, 380, 380, 380, 325]), 5)

    assert words(found) == ["kept", "excluded", "unknown", "excluded", "excluded"]


def test_a_type_that_is_not_stated_is_unknown():
    assert words(of_type(np.array([380, 395, 0]), CONSIGNMENT_TYPES)) == ["kept", "excluded", "unknown"]


def test_either_of_two_rules_that_is_true_makes_both_true():
    nothing = np.zeros(1, dtype=bool)
    yes, no, unsure = Truth(~nothing, nothing), Truth(nothing, nothing), Truth(nothing, ~nothing)

    assert [words(yes | unsure), words(unsure | no), words(no | no)] == [["excluded"], ["unknown"], ["kept"]]


def test_a_recorded_fact_is_unknown_where_it_is_not_known():
    assert words(stated(np.array([True, True, False]), np.array([True, False, True]))) == [
        "excluded",
        "unknown",
        "kept",
    ]


@pytest.mark.parametrize(
    ("late", "doubtful", "found"), [(51, 0, "excluded"), (45, 15, "unknown"), (30, 15, "kept"), (50, 0, "kept")]
)
def test_cross_ageing_over_a_half_with_doubt(late, doubtful, found):
    amount = np.array([late, doubtful, 100 - late - doubtful])
    truth = Truth(np.array([True, False, False]), np.array([False, True, False]))
    debtors = latest_due_first(np.zeros(3, dtype=np.int64), days("NaT", "NaT", "NaT"), np.arange(3), 1)

    assert words(cross_age(truth, amount, debtors, np.array([500_000]))) == [found] * 3


def test_a_cut_is_borne_by_the_latest_due_day_first_and_then_by_the_larger_key():
    due = days("2026-07-01", "2026-08-01", "2026-08-01", "NaT")
    debtor = latest_due_first(np.zeros(4, dtype=np.int64), due, np.array([9, 1, 2, 0]), 1)

    assert debtor.serve(np.full(4, 10), np.array([25])).tolist() == [0, 5, 10, 10]


def test_a_line_over_the_book_is_served_by_time_of_registration():
    registered = days("2026-03-01", "2026-01-01", "2026-02-01", "2026-01-05")
    claims = earliest_first(np.array([0, 0, 0, 1]), registered, np.arange(4), 2)

    served = claims.serve(np.array([150, 500, 250, 70]), np.array([800, 60]))

    assert served.tolist() == [50, 500, 250, 60]


def test_the_next_claim_on_a_line_is_served_when_the_first_is_released():
    claims = earliest_first(np.zeros(2, dtype=np.int64), days("2026-01-01", "2026-01-01"), np.array([7, 3]), 1)

    assert claims.serve(np.array([80, 60]), np.array([100])).tolist() == [40, 60]
    assert claims.serve(np.array([80, 0]), np.array([100])).tolist() == [80, 0]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1_000), st.integers(0, 5)), min_size=1, max_size=12),
    st.lists(st.integers(0, 2_000), min_size=3, max_size=3),
)
def test_claims_on_a_line_use_all_of_it_or_are_served_in_full(claims, lines):
    debtor, amount, day = (np.array(column, dtype=np.int64) for column in zip(*claims, strict=True))
    groups = earliest_first(debtor, DAY + day, np.arange(len(claims)), 3)
    served = groups.serve(amount, np.array(lines))

    assert groups.sums(served).tolist() == np.minimum(groups.sums(amount), lines).tolist()
    assert (served <= amount).all()
    for first in range(len(claims)):
        later = (debtor == debtor[first]) & (day > day[first])
        assert served[first] == amount[first] or not served[later].any()


def test_a_group_outside_the_range_is_refused():
    with pytest.raises(InvalidInput, match="group"):
        latest_due_first(np.array([0, 3]), days("NaT", "NaT"), np.arange(2), 3)
