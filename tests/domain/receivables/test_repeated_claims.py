"""A claim that a pool has under two texts of its debtor or of its number counts once."""

import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.shared.reference_matching import Match, ReferenceNumber, compare_references
from tests.support.invoice_pools import ALONE, KnownDebtor, OpenInvoice, buckets, ladder_of, value_of
from valuation.flags import UnknownReason

TWO_TEXTS = {"acme": KnownDebtor(1), "lei:X": KnownDebtor(1), "hooli": KnownDebtor(2)}
"""A debtor that the ledger states by two texts, and another debtor."""


def test_a_claim_under_two_texts_of_its_debtor_counts_once_in_both_sums():
    twice = OpenInvoice("7", "acme"), OpenInvoice("7", "lei:X")
    others = OpenInvoice("8", "lei:X"), OpenInvoice("7", "hooli")

    assert buckets(*twice, *others, debtors=TWO_TEXTS) == {"unknown RE_AGED": 100_000, "eligible": 300_000}
    found = ladder_of(*twice, *others, debtors=TWO_TEXTS)
    assert found.last_good.buckets.eligible_minor.tolist() == [100_000, 100_000, 0, 100_000]
    assert value_of(*twice, debtors=TWO_TEXTS).unknown_part == UnknownReason.MISSING_INPUT


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {"open": 60_000}, {"unknown RE_AGED": 100_000, "eligible": 60_000}),
        ({"open": 0, "face": 100_000}, {}, {"unknown RE_AGED": 100_000}),
        ({}, {"open": 0, "face": 100_000}, {"unknown RE_AGED": 100_000}),
        ({"open": 0, "face": 100_000, "credited": 100_000}, {}, {"unknown RE_AGED": 100_000}),
        ({}, {"open": 0, "face": 100_000, "written_off": 100_000}, {"unknown RE_AGED": 100_000}),
        ({"open": 0, "face": 0}, {}, {"eligible": 100_000}),
        ({"manual": True}, {}, {"MANUAL": 100_000, "unknown RE_AGED": 100_000}),
    ],
)
def test_of_two_statements_of_a_claim_the_smaller_open_amount_counts_and_a_cancelled_one_is_none(
    first, second, expected
):
    twice = OpenInvoice("7", "acme", **first), OpenInvoice("7", "lei:X", **second)

    assert buckets(*twice, debtors=TWO_TEXTS) == expected


def test_a_repeated_claim_raises_no_limit():
    own = OpenInvoice("1", "acme", open=20_000, issued=-100), OpenInvoice("2", "acme", open=80_000)
    again = OpenInvoice("2", "lei:X", open=800_000)
    aged = {"debtors": TWO_TEXTS, "changed": {**ALONE, "cross_age_share": "0.15"}}

    assert "eligible" not in buckets(*own, again, **aged)
    gross = {"debtors": TWO_TEXTS, "changed": {"concentration_mode": "1", "concentration_share": "0.25"}}
    own = OpenInvoice("2", "acme", open=80_000), OpenInvoice("1", "hooli", open=20_000)
    assert buckets(*own, again, **gross)["eligible"] == buckets(*own, **gross)["eligible"] == 45_000


@pytest.mark.parametrize("fields", [{"issued": -5}, {"due": 41}, {"due": None}])
def test_no_statement_of_a_claim_counts_if_their_days_differ(fields):
    twice = OpenInvoice("7", "acme"), OpenInvoice("7", "lei:X", open=99_999, **fields)

    assert "eligible" not in buckets(*twice, debtors=TWO_TEXTS)


def test_an_invoice_in_another_currency_repeats_no_claim():
    twice = OpenInvoice("7", "acme", open=1, currency="USD"), OpenInvoice("7", "lei:X")

    assert buckets(*twice, debtors=TWO_TEXTS) == {"CURRENCY_BARRED": 1, "eligible": 100_000}


def test_a_late_statement_of_a_claim_that_is_repeated_counts_as_late():
    claim, late = OpenInvoice("1", "acme", open=1), OpenInvoice("1", "lei:X", open=100_000, issued=-100)

    found = buckets(claim, late, OpenInvoice("2", "acme"), debtors=TWO_TEXTS)

    assert found == {"OVER_AGE": 100_000, "CROSS_AGE": 100_001}


@pytest.mark.parametrize(
    "again", ["inv-1", "\uff29\uff2e\uff36\uff0d\uff11", "INV 1", " INV-1", "INV1", "INV-\u0661", "INV-001"]
)
def test_a_claim_under_two_spellings_of_its_number_counts_once(again):
    twice = OpenInvoice("INV-1", open=60_000), OpenInvoice(again)
    others = OpenInvoice("INV-2"), OpenInvoice("INV-10"), OpenInvoice("CN-1"), OpenInvoice("INV-1", "hooli")

    assert buckets(*twice) == {"unknown RE_AGED": 100_000, "eligible": 60_000}
    assert buckets(*twice, *others, debtors={**TWO_TEXTS, "globex": KnownDebtor(3)})["eligible"] == 460_000
    assert buckets(OpenInvoice("INV-1", "acme"), OpenInvoice(again, "lei:X"), debtors=TWO_TEXTS)["eligible"] == 100_000


@pytest.mark.parametrize(("one", "other"), [("1-11", "11-1"), ("8", "B"), ("A-1", "B-1"), ("1000", "1"), ("--", "-")])
def test_numbers_that_only_look_alike_are_claims_of_their_own(one, other):
    assert buckets(OpenInvoice(one), OpenInvoice(other)) == {"eligible": 200_000}


@given(st.lists(st.text("0125 -/aA\uff11\uff21", min_size=1, max_size=5), min_size=2, max_size=4, unique=True))
def test_invoices_count_together_only_if_their_numbers_differ(numbers):
    """Look-alikes such as O and 0 are not among the characters, because they make no number the same."""
    written = [ReferenceNumber(one) for one in numbers]
    same = [
        one.plain == other.plain and compare_references(one, other) == Match.SAME
        for at, one in enumerate(written)
        for other in written[:at]
    ]

    found = buckets(*(OpenInvoice(one) for one in numbers))

    assert ("unknown RE_AGED" in found) == any(same)
