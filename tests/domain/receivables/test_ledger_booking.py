"""Random entries of both records end in the ledger of a plain model, however they are divided into batches."""

from collections import defaultdict

from hypothesis import given, settings, strategies as st

from collateral_registry.domain.receivables.ledger import EntryKind, InvoiceFlag
from collateral_registry.domain.receivables.ledgers.entries import problems_of
from collateral_registry.domain.receivables.ledgers.entry_booking import Known, book, content_of
from collateral_registry.domain.receivables.ledgers.ledger_columns import columns_of_state, pool_ledger
from collateral_registry.domain.receivables.ledgers.ledger_state import LedgerState, replayed
from collateral_registry.domain.receivables.ledgers.payments import PaymentBook
from tests.support.ledgers import (
    MOMENT_US,
    NUMBERS,
    STEP_KINDS,
    TODAY,
    PlainLedger,
    as_dict,
    entries_of,
    entry,
    from_account,
    items_of,
)

POOLS = ("acme", "other")
LONG_AGO = TODAY - 100


class Ledgers:
    """The code under test, batch by batch, with earlier entries kept as the store keeps them."""

    def __init__(self):
        self.states = {pool: LedgerState(pool) for pool in POOLS}
        self.payments, self.past, self.effects = PaymentBook(), {}, defaultdict(list)

    def take(self, items):
        """Books a batch and returns the rows that were booked."""
        batch = entries_of(items)
        problems = problems_of(batch, None, MOMENT_US)
        booked = book(batch, problems, self.states, self.payments, dict(self.past), MOMENT_US)
        for row, pool, one in zip(booked.effect_row, booked.pool, booked.effects, strict=True):
            self.effects[pool.pool_id].append(one)
            if one.leg == 0:
                self.past[batch.entry_id[row]] = Known(
                    content_of(batch, row), pool.pool_id, one.number, one.kind, one.effect, one.debtor,
                    one.invoice_number, one.currency, one.source, one.amount_minor,
                )  # fmt: skip
                if one.kind == EntryKind.CORRECTION:
                    self._restate(batch.corrects[row], one.amount_minor)
        return booked.row

    def _restate(self, name, amount):
        known = self.past[name]
        self.past[name] = Known(**{**vars(known), "amount_minor": amount})

    def ledger(self, pool):
        """Returns the ledger of a pool as its columns."""
        return _columns(self.states[pool])

    def replay(self, pool):
        """Returns the ledger of a pool by applying its effects to an empty one."""
        return _columns(replayed(pool, self.effects[pool]))


def _columns(state):
    return as_dict(pool_ledger(1, state.entry_number, state.entry_day, *columns_of_state(state)))


kinds = st.sampled_from(STEP_KINDS)
steps = st.lists(
    st.tuples(kinds, st.sampled_from(NUMBERS), st.integers(1, 4), st.integers(0, 30), st.booleans()), max_size=30
)


@settings(max_examples=120)
@given(drawn=steps, cuts=st.sets(st.integers(0, 30)))
def test_any_entries_in_any_batches_end_in_the_ledger_of_the_plain_model(drawn, cuts):
    items = items_of(drawn)
    ledgers, plain, batch = Ledgers(), PlainLedger(), []
    accepted, expected = [], []
    for at, item in enumerate(items):
        if plain.take(item):
            expected.append(item["entry_id"])
        batch.append(item)
        if at in cuts or at == len(items) - 1:
            accepted += [batch[row]["entry_id"] for row in ledgers.take(batch)]
            batch = []
    found, unapplied = plain.open_amounts()
    ledger = ledgers.ledger("acme")

    assert accepted == expected
    assert dict(zip(ledger["invoice_number"], ledger["open_minor"], strict=True)) == found
    assert sum(ledger["unapplied_minor"]) == unapplied
    assert ledgers.replay("acme") == ledger


@settings(max_examples=80)
@given(drawn=steps, moves=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(NUMBERS), st.booleans()), max_size=6))
def test_a_replay_gives_the_booked_ledger_and_no_face_amount_is_lost(drawn, moves):
    items = items_of(drawn)
    for turn, (at, number, back) in enumerate(moves):
        pools = POOLS[::-1] if back else POOLS
        items.insert(at, entry(f"m-{turn}", "MOVE", 0, number, pool=pools[0], to_pool=pools[1]))
    ledgers = Ledgers()
    for item in items:
        ledgers.take([item])

    for pool in POOLS:
        ledger = ledgers.ledger(pool)
        assert ledgers.replay(pool) == ledger
        numbers = [one.number for one in ledgers.effects[pool]]
        assert numbers == list(range(1, len(numbers) + 1))
        settled = zip(
            ledger["paid_minor"],
            ledger["credited_minor"],
            ledger["written_off_minor"],
            ledger["open_minor"],
            strict=True,
        )
        assert [sum(parts) for parts in settled] == ledger["face_minor"]


def test_the_flag_of_cash_ahead_is_gone_as_soon_as_the_ledger_has_all_of_it():
    ledgers = Ledgers()
    ledgers.take([entry("i", "INVOICE", 900, "A"), from_account("a", 100, "A"), from_account("b", 200, "A")])
    ledgers.take([entry("p", "PAYMENT", 100, "A")])
    assert ledgers.ledger("acme")["flags"] == [InvoiceFlag.CASH_AHEAD_OF_LEDGER]
    ledgers.take([entry("q", "PAYMENT", 200, "A")])
    assert ledgers.ledger("acme")["flags"] == [InvoiceFlag.NONE]
    assert ledgers.ledger("acme")["entry_day"] == TODAY


dated = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["A", "B", "C", "D"]), st.integers(0, 70), st.sampled_from([5, 7])),
    max_size=20,
)


@given(dated)
def test_an_invoice_is_marked_as_issued_again_if_any_credit_note_of_another_one_is_close_before_it(drawn):
    """The first entry of a number is its invoice; credit notes may come in any order after it."""
    items, issued, credits_ = [], {}, []
    for at, (is_credit, number, day, amount) in enumerate(drawn):
        if is_credit and number in issued:
            credits_.append((number, LONG_AGO + day, amount))
            items.append(entry(f"c-{at}", "CREDIT_NOTE", amount, number, day=LONG_AGO + day))
        elif number not in issued:
            issued[number] = LONG_AGO + day, amount
            items.append(entry(f"i-{at}", "INVOICE", amount, number, day=LONG_AGO, issue_day=LONG_AGO + day))
    ledgers = Ledgers()
    for item in items:
        ledgers.take([item])

    marked = {
        one.invoice_number for one in ledgers.states["acme"].invoices.values() if one.flags & InvoiceFlag.RE_INVOICED
    }
    assert marked == {
        number
        for number, (day, amount) in issued.items()
        if any(other != number and credit == amount and 0 <= day - on <= 30 for other, on, credit in credits_)
    }
