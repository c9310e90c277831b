"""Entries of invoice ledgers: what each kind changes, and that a ledger is the fold of its entries."""

import numpy as np

from collateral_registry.commands.feeds.intake import CALL, Batch
from collateral_registry.commands.receivables.entry_intake import book_entries
from collateral_registry.domain.receivables.ledger import InvoiceFlag
from collateral_registry.domain.receivables.ledgers.entries import PartnerScope
from tests.support.ledgers import (
    NUMBERS,
    STEP_KINDS,
    TODAY,
    LedgerFeed,
    PlainLedger,
    as_dict,
    entries_of,
    entry,
    flags_of,
    from_account,
    items_of,
    open_amounts,
    unapplied,
)


def invoice(number, amount_minor, **fields):
    return entry(f"i-{number}", "INVOICE", amount_minor, number, **fields)


def test_an_invoice_is_open_by_what_neither_payments_nor_credits_nor_write_offs_settle(feed):
    feed.report(
        invoice("A", 100_00, issue_day=TODAY - 10, due_day=TODAY + 20),
        entry("p", "PAYMENT", 30_00, "A"),
        entry("c", "CREDIT_NOTE", 5_00, "A"),
        entry("d", "DEBIT_NOTE", 1_00, "A"),
        entry("w", "WRITE_OFF", 6_00, "A"),
    )
    ledger = feed.ledger()

    assert open_amounts(ledger) == {"A": 60_00}
    assert (ledger.face_minor[0], ledger.paid_minor[0], ledger.credited_minor[0], ledger.written_off_minor[0]) == (
        101_00,
        30_00,
        5_00,
        6_00,
    )
    assert (ledger.entry_number, ledger.entry_day) == (5, TODAY)


def test_an_entry_without_an_id_hides_no_stored_invoice_from_the_others(feed):
    feed.report(invoice("A", 100))
    nameless = entry("", "INVOICE", 0, "", pool="", debtor="")
    rejected = feed.report(entry("i-2", "INVOICE", 50, "A"), entry("p", "PAYMENT", 30, "A"), nameless)

    assert [one.partition(":")[0] for one in rejected] == ["i-2", ""]
    assert open_amounts(feed.ledger()) == {"A": 70}


def test_what_settles_more_than_an_invoice_is_unapplied_of_its_debtor(feed):
    feed.report(invoice("A", 100_00), entry("p", "PAYMENT", 130_00, "A"), entry("u", "UNAPPLIED", 7_00))
    ledger = feed.ledger()

    assert (open_amounts(ledger), unapplied(ledger)) == ({"A": 0}, {"delta": 37_00})
    assert ledger.paid_minor.tolist() == [100_00]


def test_a_correction_restates_an_entry_and_its_excess(feed):
    feed.report(invoice("A", 100_00), entry("p", "PAYMENT", 130_00, "A"))

    assert feed.report(entry("x", "CORRECTION", 90_00, corrects="p")) == []
    assert open_amounts(feed.ledger()) == {"A": 10_00}
    assert feed.report(entry("y", "CORRECTION", 0, corrects="p"), entry("z", "CORRECTION", 80_00, corrects="i-A")) == []
    assert (open_amounts(feed.ledger()), unapplied(feed.ledger())) == ({"A": 80_00}, {})


def test_facts_of_an_invoice_are_those_of_its_newest_entry(feed):
    feed.report(
        invoice("A", 100_00, due_day=TODAY + 5),
        entry("1", "DISPUTE", 20_00, "A"),
        entry("2", "RETENTION", 10_00, "A", due_day=TODAY + 90),
        entry("3", "DELIVERY", 0, "A", delivery_day=TODAY - 3),
        entry("4", "CONTRA", 15_00),
        entry("5", "DUE_DATE", 0, "A", due_day=TODAY + 9),
    )
    ledger = feed.ledger()
    facts = (ledger.disputed_minor, ledger.retention_minor, ledger.retention_day, ledger.delivery_day, ledger.due_day)

    assert [int(one[0]) for one in facts] == [20_00, 10_00, TODAY + 90, TODAY - 3, TODAY + 9]
    assert (ledger.contra_minor.tolist(), ledger.contra_day.tolist()) == ([15_00], [TODAY])
    assert flags_of(ledger, "A") == InvoiceFlag.NONE

    feed.report(entry("6", "DISPUTE", 0, "A"), entry("7", "PAYMENT", 60_00, "A"))
    assert feed.ledger().disputed_minor.tolist() == [40_00]
    feed.report(entry("8", "DISPUTE_END", 0, "A"))
    assert feed.ledger().disputed_minor.tolist() == [0]


def test_a_ledger_as_of_an_entry_does_not_know_later_entries(feed):
    feed.report(invoice("A", 100_00), entry("p", "PAYMENT", 30_00, "A"))
    before = as_dict(feed.ledger())
    feed.report(invoice("B", 50_00), entry("q", "PAYMENT", 70_00, "A"))

    assert as_dict(feed.ledger_as_of(2)) == before
    assert open_amounts(feed.ledger_as_of(1)) == {"A": 100_00}
    assert open_amounts(feed.ledger_as_of(0)) == {}


def test_a_move_takes_an_invoice_with_its_sums_to_another_pool(feed):
    feed.report(
        invoice("A", 100_00, due_day=TODAY),
        invoice("B", 10_00),
        entry("p", "PAYMENT", 30_00, "A"),
        entry("r", "RETENTION", 5_00, "A", due_day=TODAY + 30),
        entry("m", "MOVE", 0, "A", to_pool="other"),
    )

    assert open_amounts(feed.ledger()) == {"B": 10_00}
    moved = feed.ledger("other")
    assert (open_amounts(moved), moved.paid_minor.tolist(), moved.due_day.tolist()) == ({"A": 70_00}, [30_00], [TODAY])
    assert moved.retention_minor.tolist() == [5_00]
    assert feed.report(entry("q", "PAYMENT", 1_00, "A")) == [
        "q: invoice_number: got 'A' of 'delta', want an invoice that is in assets/acme"
    ]
    assert feed.report(entry("back", "MOVE", 0, "A", pool="other", to_pool="acme")) == []
    assert open_amounts(feed.ledger()) == {"A": 70_00, "B": 10_00}


def test_a_move_to_a_pool_that_has_the_invoice_is_rejected(feed):
    feed.report(invoice("A", 100_00))
    feed.report(entry("b", "INVOICE", 70_00, "A", pool="other"))

    assert feed.report(entry("m", "MOVE", 0, "A", to_pool="other")) == [
        "m: to_pool: got assets/other, want a pool without invoice A of 'delta'"
    ]
    assert (open_amounts(feed.ledger()), open_amounts(feed.ledger("other"))) == ({"A": 100_00}, {"A": 70_00})


def test_a_payment_that_both_records_report_settles_once(feed):
    account = LedgerFeed(feed.database, "bank")
    feed.report(invoice("A", 100_00), invoice("B", 100_00))
    account.report(from_account("a-1", 30_00, "A"), from_account("a-2", 40_00))
    ledger = feed.ledger()

    assert (open_amounts(ledger), unapplied(ledger)) == ({"A": 70_00, "B": 100_00}, {"delta": 40_00})
    assert flags_of(ledger, "A") == InvoiceFlag.CASH_AHEAD_OF_LEDGER

    feed.report(entry("p-1", "PAYMENT", 30_00, "A"), entry("p-2", "PAYMENT", 40_00, "B"))
    ledger = feed.ledger()
    assert (open_amounts(ledger), unapplied(ledger)) == ({"A": 70_00, "B": 60_00}, {})
    assert flags_of(ledger, "A") == InvoiceFlag.NONE

    feed.report(entry("p-3", "PAYMENT", 30_00, "A"))
    assert open_amounts(feed.ledger()) == {"A": 40_00, "B": 60_00}
    account.report(from_account("a-3", 30_00, "A"), from_account("a-4", 30_00, "A"))
    assert open_amounts(feed.ledger()) == {"A": 10_00, "B": 60_00}


def test_payments_of_different_invoices_or_documents_are_not_the_same(feed):
    account = LedgerFeed(feed.database, "bank")
    feed.report(invoice("A", 100_00), invoice("B", 100_00))
    account.report(from_account("a-1", 30_00, "A"), from_account("a-2", 20_00, "B", document="T-1"))
    feed.report(entry("p-1", "PAYMENT", 30_00, "B"), entry("p-2", "PAYMENT", 20_00, "B", document="T-2"))

    assert open_amounts(feed.ledger()) == {"A": 70_00, "B": 30_00}


def test_cash_on_the_account_is_no_older_payment_of_the_ledger(feed):
    account = LedgerFeed(feed.database, "bank")
    feed.report(*(invoice(str(at), 10_000_00) for at in range(20)))
    feed.report(*(entry(f"p-{at}", "PAYMENT", 10_000_00, str(at), day=TODAY - 400 + 30 * at) for at in range(6)))
    account.report(*(from_account(f"a-{at}", 10_000_00, day=TODAY - 150 + 30 * at) for at in range(6)))

    assert (sum(open_amounts(feed.ledger()).values()), unapplied(feed.ledger())) == (140_000_00, {"delta": 60_000_00})
    feed.report(entry("p-6", "PAYMENT", 10_000_00, "6", day=TODAY - 200))
    account.report(from_account("later", 10_000_00, day=TODAY - 189), from_account("late", 10_000_00, day=TODAY - 190))
    assert (sum(open_amounts(feed.ledger()).values()), unapplied(feed.ledger())) == (130_000_00, {"delta": 70_000_00})


def test_cash_on_the_account_is_no_credit_of_the_debtor(feed):
    account = LedgerFeed(feed.database, "bank")
    feed.report(invoice("A", 100_00), entry("u", "UNAPPLIED", 50_00, type_code=381))
    account.report(from_account("a", 50_00, "A"))
    assert (open_amounts(feed.ledger()), unapplied(feed.ledger())) == ({"A": 50_00}, {"delta": 50_00})

    feed.report(entry("x", "CORRECTION", 30_00, corrects="u"), entry("v", "UNAPPLIED", 20_00))
    account.report(from_account("b", 20_00))
    assert (open_amounts(feed.ledger()), unapplied(feed.ledger())) == ({"A": 50_00}, {"delta": 50_00})


def test_cash_that_the_ledger_applies_later_settles_once(feed):
    account = LedgerFeed(feed.database, "bank")
    feed.report(invoice("A", 100_00), invoice("B", 100_00))
    account.report(from_account("a", 100_00))
    feed.report(entry("u", "UNAPPLIED", 100_00))
    feed.report(entry("x", "CORRECTION", 0, corrects="u"))
    assert (open_amounts(feed.ledger()), unapplied(feed.ledger())) == ({"A": 100_00, "B": 100_00}, {"delta": 100_00})

    feed.report(entry("p", "PAYMENT", 100_00, "A"))
    assert (open_amounts(feed.ledger()), unapplied(feed.ledger())) == ({"A": 0, "B": 100_00}, {})
    feed.report(entry("y", "CORRECTION", 0, corrects="p"))
    assert flags_of(feed.ledger(), "A") == InvoiceFlag.CASH_AHEAD_OF_LEDGER
    feed.report(entry("q", "PAYMENT", 100_00, "B"))
    assert (open_amounts(feed.ledger()), unapplied(feed.ledger())) == ({"A": 100_00, "B": 0}, {})
    assert flags_of(feed.ledger(), "A") == InvoiceFlag.NONE


def test_a_payment_of_both_records_counts_by_the_larger_of_their_corrected_amounts(feed):
    account = LedgerFeed(feed.database, "bank")
    feed.report(invoice("A", 100_00), entry("p", "PAYMENT", 30_00, "A"))
    account.report(from_account("a", 30_00, "A"))

    feed.report(entry("x", "CORRECTION", 10_00, corrects="p"))
    assert open_amounts(feed.ledger()) == {"A": 70_00}
    account.report(entry("y", "CORRECTION", 0, corrects="a", source=2))
    assert open_amounts(feed.ledger()) == {"A": 90_00}
    feed.report(entry("z", "CORRECTION", 45_00, corrects="p"))
    assert open_amounts(feed.ledger()) == {"A": 55_00}


def test_entries_that_cannot_be_booked_are_rejected_with_their_reasons(feed):
    feed.report(invoice("A", 100_00), entry("p", "PAYMENT", 30_00, "A"))

    assert feed.report(
        entry("1", "PAYMENT", 30_00, "B"),
        entry("2", "INVOICE", 100_00, "A"),
        entry("3", "PAYMENT", 30_00, "A", currency="EUR"),
        entry("p", "PAYMENT", 31_00, "A"),
        entry("4", "CORRECTION", 1_00, corrects="nothing"),
        entry("5", "WRITE_OFF", 0, "A"),
        entry("6", "PAYMENT", 1_00, "A", day=TODAY + 2),
        entry("7", "DUE_DATE", 0, "A"),
        entry("8", "CORRECTION", 1_00, corrects="p", debtor="other"),
        entry("9", "CREDIT_NOTE", 1_00, "A", source=2),
        entry("10", "INVOICE", 1_00, "C", type_code=381),
        entry("11", "CONTRA", 0),
    ) == [
        "1: invoice_number: got 'B' of 'delta', want an invoice that is in assets/acme",
        "2: invoice_number: got 'A', want a number that no other invoice of the debtor in the pool has; to change one, "
        "a CORRECTION",
        "3: currency_code: got EUR, want USD of invoice A",
        "p: entry_id: got 'p', want an id that no other entry has; to change it, a CORRECTION",
        "4: corrects: got 'nothing', want the id of a booked entry of this feed",
        "5: amount: got 0 minor units, want more than 0 and at most 10^14 minor units; 0 or more for DISPUTE, "
        "RETENTION, CONTRA and CORRECTION; none for DISPUTE_END, DUE_DATE, DELIVERY and MOVE",
        "6: effective_time: got 2022-03-03T12:00:00Z, want not after 2022-03-01T12:05:00Z, five minutes from now",
        "7: due_date: got nothing, want a date from 1970-01-01; DUE_DATE and RETENTION need one",
        "8: debtor: got 'other', want 'delta' of the corrected entry",
        "9: source: got 2, want LEDGER; or ACCOUNT, for PAYMENT and CORRECTION only",
        "10: type_code: got 381, want a code of UNTDID 1001 such as 380, or 0; a credit note is a CREDIT_NOTE "
        "or UNAPPLIED",
        "11: currency_code: got nothing, want a code of ISO 4217, with every amount, and with a CONTRA of 0",
    ]
    assert open_amounts(feed.ledger()) == {"A": 70_00}


def test_the_same_entry_again_is_known_and_changes_nothing(feed):
    items = (
        invoice("A", 100_00),
        entry("p", "PAYMENT", 30_00, "A"),
        entry("u", "UNAPPLIED", 5_00),
        entry("x", "CORRECTION", 20_00, corrects="p"),
    )
    feed.report(*items, *items)
    before = as_dict(feed.ledger())

    assert feed.report(*items) == []
    assert as_dict(feed.ledger()) == before


def test_random_entries_of_two_feeds_end_in_the_ledger_of_the_plain_model(feed):
    draw = np.random.default_rng(20)
    feeds = {1: feed, 2: LedgerFeed(feed.database, "bank")}
    drawn = [
        (str(draw.choice(STEP_KINDS)), str(draw.choice(NUMBERS)), *map(int, draw.integers((1, 0, 0), (5, 31, 2))))
        for _ in range(160)
    ]
    items, plain = items_of(drawn), PlainLedger()
    while items:
        source, batch = items[0]["source"], []
        while items and items[0]["source"] == source and len(batch) < 8:
            batch.append(items.pop(0))
        expected = [one["entry_id"] for one in batch if not plain.take(one)]
        assert [text.partition(":")[0] for text in feeds[source].report(*batch)] == expected
    ledger = feed.ledger()

    assert (open_amounts(ledger), sum(unapplied(ledger).values())) == plain.open_amounts()


def test_each_batch_of_a_feed_is_checked_against_its_own_scope(feed):
    scope = PartnerScope(frozenset({"another"}))
    batches = [
        Batch(feed.feed, CALL, CALL, "operator", entries_of([invoice("A", 100_00)])),
        Batch(feed.feed, CALL, CALL, "partner", entries_of([invoice("B", 100_00)]), scope),
        Batch(feed.feed, CALL, CALL, "operator again", entries_of([invoice("C", 100_00)])),
    ]

    assert [len(outcome.rejected) for outcome in book_entries(feed.database, batches)] == [0, 1, 0]
    assert open_amounts(feed.ledger()) == {"A": 100_00, "C": 100_00}
