"""The limit of a debtor that applies is the newest one by whichever text it was stated."""

from datetime import date, timedelta

import pytest

from collateral_registry.domain.assignments.debtor_limits import (
    DebtorLimit,
    DebtorLimitKind,
    RecordedLimit,
    StatedDebtor,
    limits_in_force,
)
from collateral_registry.domain.shared.money import Money

LENDER = DebtorLimitKind.LENDER
DELTA = StatedDebtor(7, 7)
LAST = date(2022, 1, 31)
LEI = "lei:5493001KJTIIGC8Y1R12"


def recorded(debtor, amount, *, is_ended=False):
    return RecordedLimit(DebtorLimit(debtor, LENDER, Money(amount, "USD"), "decided"), is_ended)


def in_force(*limits, debtor_of=None):
    found = limits_in_force(limits, debtor_of or {})
    return {name: min(one.amount.minor for one in own) for (_, name), own in found.items()}


def test_once_the_newest_limit_is_ended_there_is_none():
    assert in_force(recorded("delta", 1), recorded("delta", 2, is_ended=True)) == {}
    assert in_force(recorded("delta", 1, is_ended=True), recorded("delta", 2)) == {"delta": 2}


@pytest.mark.parametrize(("text", "stated"), [("debtors/delta", "delta"), ("LEI: 5493001kjtiigc8y1r12", LEI)])
def test_the_limit_of_a_debtor_that_is_not_registered_is_found_by_the_text_of_the_ledger(text, stated):
    assert in_force(recorded(stated, 1), recorded(text, 2)) == {stated: 2}


@pytest.mark.parametrize(
    ("kind", "day", "currency", "permitted"),
    [
        ("LENDER", LAST, "USD", 5),
        ("LENDER", LAST + timedelta(days=1), "USD", 0),
        ("LENDER", LAST, "EUR", 0),
        ("INSURED", LAST, "USD", 5),
        ("INSURED", LAST + timedelta(days=1), "USD", 5),
        ("INSURED", LAST, "EUR", 0),
    ],
)
def test_a_limit_restricts_by_its_last_day_and_its_currency(kind, day, currency, permitted):
    insurer = "AXA" if kind == "INSURED" else ""
    limit = DebtorLimit("delta", DebtorLimitKind[kind], Money(5, "USD"), "decided", LAST, insurer)

    assert limit.permitted_minor(day, currency) == permitted


def test_two_texts_of_a_registered_debtor_have_one_limit():
    assert in_force(recorded(LEI, 1), recorded("delta", 2), debtor_of={LEI: DELTA, "delta": DELTA}) == {7: 2}


@pytest.mark.parametrize(
    ("limits", "smallest"),
    [
        ([recorded("delta", 1), recorded("twin", 2)], {7: 1}),
        ([recorded("delta", 1), recorded("twin", 2, is_ended=True)], {7: 1}),
        ([recorded("twin", 1), recorded("delta", 2)], {7: 1}),
        ([recorded("twin", 1), recorded("delta", 2), recorded("twin", 3)], {7: 2}),
    ],
)
def test_after_a_merge_the_smallest_limit_in_force_of_the_merged_debtors_counts(limits, smallest):
    assert in_force(*limits, debtor_of={"delta": DELTA, "twin": StatedDebtor(8, 7)}) == smallest
