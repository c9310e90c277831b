"""Ledgers that are kept in memory: brought up to date by later entries, they equal ledgers that are read as a whole."""

import numpy as np
import pytest
from sqlalchemy import event, text

from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.receivables.ledger import InvoiceFlag
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.engine.database import Database
from collateral_registry.store.receivables import ledger as ledgers
from collateral_registry.store.receivables.kept_ledgers import kept_ledgers
from collateral_registry.store.receivables.ledger import keep_ledgers, ledger_at, ledgers_of, pool_keys_of
from tests.support.ledgers import DAY_US, MOMENT, TODAY, LedgerFeed, as_dict, entry, from_account

POOLS, DEBTORS, NUMBERS, CENTS = ("acme", "globex"), ("delta", "hooli", "vat:DE1"), ("1", "10", "2"), (100, 200, 300)


@pytest.fixture
def feed(database_url, monkeypatch):
    monkeypatch.setattr(ledgers, "SMALL_LEDGER", 1)
    database = Database(database_url, lambda: MOMENT)
    yield LedgerFeed(database)
    database.close()


def kept(connection):
    """Returns the keys of the pools, after keeping their ledgers."""
    keys = sorted(pool_keys_of(connection, POOLS).values())
    keep_ledgers(connection, np.array(keys, dtype=np.int64))
    return keys


KINDS = (
    *("INVOICE", "INVOICE", "PAYMENT", "CREDIT_NOTE", "DEBIT_NOTE", "WRITE_OFF", "DISPUTE", "DUE_DATE", "RETENTION"),
    *("MOVE", "UNAPPLIED", "CONTRA", "ACCOUNT", "CORRECTION"),
)


def drawn_entry(draw, number: int):
    """Returns a random entry, which may be rejected."""

    def one_of(options):
        return options[int(draw.integers(len(options)))]

    name, kind, pool, invoice, amount = f"e-{number}", one_of(KINDS), one_of(POOLS), one_of(NUMBERS), one_of(CENTS)
    named = {"pool": pool, "debtor": one_of(DEBTORS)}
    if kind == "ACCOUNT":
        return from_account(name, amount, one_of((invoice, "")), **named)
    if kind == "CORRECTION":
        return entry(name, kind, amount, corrects=f"e-{draw.integers(number + 1)}")
    if kind in {"UNAPPLIED", "CONTRA"}:
        return entry(name, kind, amount, **named)
    if kind in {"MOVE", "DISPUTE", "DUE_DATE"}:
        other = POOLS[1 - POOLS.index(pool)]
        more = {"MOVE": {"to_pool": other}, "DUE_DATE": {"due_day": TODAY + number % 30}}.get(kind, {})
        return entry(name, kind, 0, invoice, **named, **more)
    return entry(name, kind, amount, invoice, **named, issue_day=TODAY - 5 if kind == "INVOICE" else NO_DAY)


def test_a_kept_ledger_follows_every_kind_of_entry_as_a_replay_does(feed):
    draw, booked, number = np.random.default_rng(7), 0, 0
    for _ in range(120):
        items = [drawn_entry(draw, number + at) for at in range(int(draw.integers(1, 5)))]
        number += len(items)
        booked += len(items) - len(feed.report(*items))
        with feed.database.read() as connection:
            for key in kept(connection):
                present = ledgers_of(connection, [key])[key]
                assert as_dict(present) == as_dict(ledger_at(connection, key, present.entry_number))
    assert booked > 100


def test_a_kept_ledger_marks_an_invoice_by_a_credit_note_that_is_corrected_to_its_amount(feed):
    again = {"day": TODAY - 20, "issue_day": TODAY - 5}
    feed.report(entry("i-1", "INVOICE", 100, "1"), entry("i-2", "INVOICE", 100, "2", **again))
    feed.report(entry("c", "CREDIT_NOTE", 1, "1", day=TODAY - 10))
    with feed.database.read() as connection:
        (key,) = kept(connection)
    feed.report(entry("x", "CORRECTION", 100, corrects="c", effective_us=(TODAY - 10) * DAY_US))
    with feed.database.read() as connection:
        ledger = ledgers_of(connection, [key])[key]

    assert ledger.flags.tolist() == [InvoiceFlag.NONE, InvoiceFlag.RE_INVOICED]


def test_a_kept_ledger_is_not_read_again(feed):
    feed.report(entry("i-1", "INVOICE", 100, "1"), entry("i-2", "INVOICE", 100, "2"))
    with feed.database.read() as connection:
        (key,) = kept(connection)
    with feed.database.engine.begin() as connection:
        connection.execute(text("UPDATE invoice SET face_minor = 999"))
    feed.report(entry("p-1", "PAYMENT", 40, "1"))

    with feed.database.read() as connection:
        assert ledgers_of(connection, [key])[key].face_minor.tolist() == [999, 100]


def test_an_older_snapshot_does_not_see_a_newer_kept_ledger(feed):
    feed.report(entry("i-1", "INVOICE", 100, "1"))
    with feed.database.read() as older:
        (key,) = kept(older)
        feed.report(entry("p-1", "PAYMENT", 40, "1"))
        with feed.database.read() as newer:
            kept(newer)

            assert ledgers_of(newer, [key])[key].open_minor.tolist() == [60]
            assert ledgers_of(older, [key])[key].open_minor.tolist() == [100]


def test_a_kept_ledger_with_another_newest_entry_is_read_as_a_whole(feed):
    feed.report(entry("i-1", "INVOICE", 100, "1"))
    with feed.database.read() as connection:
        (key,) = kept(connection)
    with feed.database.engine.begin() as connection:  # as a database that was restored and received other entries
        connection.execute(text("UPDATE invoice SET face_minor = 999"))
        connection.execute(text("UPDATE invoice_entry SET received_us = received_us + 1"))

    with feed.database.read() as connection:
        assert ledgers_of(connection, [key])[key].face_minor.tolist() == [999]


def test_the_ledger_that_was_used_least_recently_is_dropped(feed, monkeypatch):
    monkeypatch.setattr("collateral_registry.store.receivables.kept_ledgers.INVOICES_LIMIT", 1)
    feed.report(entry("i-1", "INVOICE", 100, "1"), entry("i-2", "INVOICE", 100, "1", pool="globex"))
    with feed.database.read() as connection:
        first, second = kept(connection)

        assert kept_ledgers(connection).pool_keys == [second]
        assert set(ledgers_of(connection, [first, second])) == {first, second}


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_write_reads_a_ledger_as_of_one_entry_while_others_are_booked(postgres_url, monkeypatch, is_kept):
    monkeypatch.setattr(ledgers, "SMALL_LEDGER", 1 if is_kept else 1_000)
    database = Database(postgres_url, lambda: MOMENT)
    feed = LedgerFeed(database)
    feed.report(entry("i-1", "INVOICE", 100, "1"))
    with database.read() as connection:
        (key,) = pool_keys_of(connection, ["acme"]).values()
        keep_ledgers(connection, np.array([key]))
    feed.report(entry("p-1", "PAYMENT", 40, "1"))

    more = [(entry("p-2", "PAYMENT", 20, "1"), entry("u-1", "UNAPPLIED", 5))]

    def book_more(_connection, _cursor, statement, *_rest):
        if more and "FROM invoice_pool" in statement:
            assert not feed.report(*more.pop())

    with database.write("SyncPools", Author("pools", "pools")) as write:
        event.listen(database.engine, "after_cursor_execute", book_more)
        present = ledgers_of(write.connection, [key])[key]
        replayed = ledger_at(write.connection, key, present.entry_number)
        later = ledgers_of(write.connection, [key])[key]

    assert present.entry_number == 2
    assert as_dict(present) == as_dict(replayed)
    assert later.entry_number == 4
    database.close()
