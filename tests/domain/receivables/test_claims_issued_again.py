"""A claim that is withdrawn and issued again as a younger one is unknown; honest business is not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from tests.support.invoice_pools import KnownDebtor, OpenInvoice, buckets, pool_of

TEXTS = {"acme": KnownDebtor(1), "lei:X": KnownDebtor(1), "hooli": KnownDebtor(2)}

NEW = OpenInvoice("9", "acme", issued=-10, due=50)
OVERDUE = OpenInvoice("1", "acme", open=0, face=100_000, issued=-100, due=-40, credited=100_000, withdrawn=-12)
"""A claim that was past due when it was credited in full, and one of its amount that was issued two days later."""

UNKNOWN = {"unknown RE_AGED": 100_000}
KEPT = {"eligible": 100_000}


@pytest.mark.parametrize(
    "old",
    [
        OVERDUE,
        replace(OVERDUE, debtor="lei:X"),
        replace(OVERDUE, credited=0, written_off=100_000),
        replace(OVERDUE, credited=0, lowered=100_000, face=0),
        replace(OVERDUE, credited=40_000, lowered=50_000, written_off=10_000, face=50_000),
        replace(OVERDUE, due=None, credited=0, written_off=100_000),
        replace(OVERDUE, withdrawn=-1),
        replace(OVERDUE, withdrawn=-40),
        replace(OVERDUE, due=30, debtor="lei:X"),
        replace(OVERDUE, face=250_000),
    ],
)
def test_a_claim_that_may_have_been_issued_again_is_unknown_however_it_was_withdrawn(old):
    assert buckets(old, NEW, debtors=TEXTS) == UNKNOWN


@pytest.mark.parametrize(
    "old",
    [
        replace(OVERDUE, credited=0),
        replace(OVERDUE, credited=0, withdrawn=None),
        replace(OVERDUE, debtor="hooli"),
        replace(OVERDUE, credited=99_999),
        replace(OVERDUE, withdrawn=-41),
        replace(OVERDUE, withdrawn=21),
        replace(OVERDUE, due=30, withdrawn=-1),
        replace(OVERDUE, due=30, credited=0, lowered=100_000, face=0),
        replace(OVERDUE, due=30, credited=0, written_off=100_000),
        replace(OVERDUE, issued=-10, due=-11, withdrawn=-9, credited=0, lowered=100_000, face=0),
        replace(OVERDUE, currency="USD"),
    ],
)
def test_an_honest_invoice_of_the_same_amount_counts(old):
    """Paid, another debtor or amount, long ago, an error that is corrected at once, another currency."""
    assert buckets(old, NEW, debtors=TEXTS) == KEPT


invoices = st.lists(
    st.tuples(
        st.sampled_from(["acme", "lei:X", "hooli"]), st.sampled_from([5, 7]), st.sampled_from([0, 5, 7]),
        st.sampled_from(["credited", "written_off", "lowered"]), st.integers(-60, 0), st.integers(-60, 0),
        st.sampled_from([None, -30, 20]),
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=200)
@given(invoices)
def test_the_columns_find_what_a_comparison_of_each_pair_finds(drawn):
    made = [
        OpenInvoice(
            f"{at}", debtor, open=amount, face=amount + (taken if kind != "lowered" else 0), issued=issued, due=due,
            withdrawn=day if taken else None, **{kind: taken},
        )
        for at, (debtor, amount, taken, kind, issued, day, due) in enumerate(drawn)
    ]  # fmt: skip
    made.sort(key=lambda one: (one.debtor, one.number))

    def is_again(one, old):
        if one is old or TEXTS[one.debtor] != TEXTS[old.debtor] or old.withdrawn is None:
            return False
        if one.face != old.credited + old.written_off + old.lowered:
            return False
        after = one.issued - old.withdrawn
        late = (old.due is None or old.due < old.withdrawn) and one.issued > old.issued
        return (old.credited > 0 and 0 <= after <= 30) or (late and -30 <= after <= 30)

    found = pool_of(*made, debtors=TEXTS).is_issued_again.tolist()
    assert found == [any(is_again(one, old) for old in made) for one in made]
