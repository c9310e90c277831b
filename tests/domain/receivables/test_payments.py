"""Matching of payments of the two records, compared with a plain search over all of them."""

from hypothesis import given, strategies as st

from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.ledger_state import DAY_US, Effect
from collateral_registry.domain.receivables.ledgers.payments import MATCHED_DAYS, PaymentBook
from collateral_registry.domain.shared.days import NO_DAY

references = st.sampled_from(["", "a", "b"])
days = st.integers(100, 130)
reported = st.lists(st.tuples(st.sampled_from(EntrySource), references, references, days, st.booleans()), max_size=25)


def effect_of(number, source, invoice, day):
    kind = EntryKind.PAYMENT if invoice else EntryKind.UNAPPLIED
    none = (NO_DAY, NO_DAY, NO_DAY)
    return Effect(number, 0, kind, kind, day * DAY_US, "delta", invoice, 0, 5, 5, "USD", *none, 0, source, 0)


def plain_match(free, source, invoice, document, day):
    """Returns the number of the payment of the other record: of the same invoice first, then the oldest."""
    agreeing = [
        (stated != invoice, paid, number)
        for number, (other, stated, paper, paid) in free.items()
        if other != source and _agree(stated, invoice) and _agree(paper, document)
        if (paid - day if other == EntrySource.ACCOUNT else day - paid) <= MATCHED_DAYS
    ]
    return min(agreeing)[2] if agreeing else None


def _agree(one, other):
    return not one or not other or one == other


@given(reported)
def test_a_payment_is_matched_as_a_search_over_all_free_payments_would(payments):
    book, free = PaymentBook(), {}
    for number, (source, invoice, document, day, is_corrected) in enumerate(payments, start=1):
        effect = effect_of(number, source, invoice, day)
        same = book.match("acme", effect, document)
        assert (None if same is None else same.number) == plain_match(free, source, invoice, document, day)
        book.note("acme", effect, document, same)
        if same is not None:
            del free[same.number]
        elif is_corrected:
            book.get("acme", number).is_corrected = True
        else:
            free[number] = (source, invoice, document, day)
