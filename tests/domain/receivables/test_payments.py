"""Matching of payments of the two records, compared with a plain search over all of them."""

from hypothesis import given, strategies as st

from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.ledger_state import Effect
from collateral_registry.domain.receivables.ledgers.payments import PaymentBook
from collateral_registry.domain.shared.days import NO_DAY

references = st.sampled_from(["", "a", "b"])
reported = st.lists(st.tuples(st.sampled_from(EntrySource), references, references, st.booleans()), max_size=25)


def effect_of(number, source, invoice):
    kind = EntryKind.PAYMENT if invoice else EntryKind.UNAPPLIED
    days = (NO_DAY, NO_DAY, NO_DAY)
    return Effect(number, 0, kind, kind, 0, "delta", invoice, 0, 5, 5, "USD", *days, 0, source, 0)


def plain_match(free, source, invoice, document):
    """Returns the number of the payment of the other record: of the same invoice first, then the oldest."""
    agreeing = [
        (stated != invoice, number)
        for number, (other, stated, paper) in free.items()
        if other != source and _agree(stated, invoice) and _agree(paper, document)
    ]
    return min(agreeing)[1] if agreeing else None


def _agree(one, other):
    return not one or not other or one == other


@given(reported)
def test_a_payment_is_matched_as_a_search_over_all_free_payments_would(payments):
    book, free = PaymentBook(), {}
    for number, (source, invoice, document, is_corrected) in enumerate(payments, start=1):
        effect = effect_of(number, source, invoice)
        same = book.match("acme", effect, document)
        assert (None if same is None else same.number) == plain_match(free, source, invoice, document)
        book.note("acme", effect, document, same)
        if same is not None:
            del free[same.number]
        elif is_corrected:
            book.get("acme", number).is_corrected = True
        else:
            free[number] = (source, invoice, document)
