"""Entries of invoice ledgers for tests, a feed that books them, and a plain model of a ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime

from collateral_registry.commands.feeds.intake import CALL, Batch
from collateral_registry.commands.receivables.entry_intake import book_entries
from collateral_registry.domain.feeds.items import item_of, joined
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.store.engine.database import Database
from collateral_registry.store.receivables.ledger import ledger_at, ledgers_of, pool_keys_of

MOMENT = datetime(2022, 3, 1, 12, tzinfo=UTC)
MOMENT_US = int(MOMENT.timestamp()) * 1_000_000
DAY_US = 86_400_000_000
TODAY = day_of(date(2022, 3, 1))
SETTLING = {EntryKind.PAYMENT: "paid", EntryKind.CREDIT_NOTE: "credited", EntryKind.WRITE_OFF: "written_off"}


def entry(entry_id: str, kind: str, amount_minor: int = 0, number: str = "", **fields: object) -> dict[str, object]:
    """Returns an entry of the pool acme about the debtor delta, in USD, of noon today unless ``day`` is given."""
    day = fields.pop("day", TODAY)
    empty = {
        "entry_id": entry_id, "kind": int(EntryKind[kind]), "effective_us": day * DAY_US + DAY_US // 2, "pool": "acme",
        "debtor": "delta", "invoice_number": number, "type_code": 0, "amount_minor": amount_minor,
        "currency": "USD" if amount_minor else "", "issue_day": NO_DAY, "due_day": NO_DAY, "delivery_day": NO_DAY,
        "flags": 0, "to_pool": "", "corrects": "", "document": "", "source": int(EntrySource.LEDGER),
    }  # fmt: skip
    if kind == "CORRECTION":
        empty |= {"pool": "", "debtor": "", "effective_us": 0}
    return empty | fields


def from_account(entry_id: str, amount_minor: int, number: str = "", **fields: object) -> dict[str, object]:
    """Returns a payment that the collection account reports."""
    return entry(entry_id, "PAYMENT", amount_minor, number, source=int(EntrySource.ACCOUNT), **fields)


def entries_of(items: list[dict[str, object]]) -> Entries:
    """Returns entries as a batch."""
    return joined([item_of(Entries, item) for item in items])


class LedgerFeed:
    """A feed of entries that are booked on a database in single calls."""

    def __init__(self, database: Database, feed: str = "erp") -> None:
        self.database, self.feed = database, feed

    def report(self, *items: dict[str, object]) -> list[str]:
        """Books entries and returns the reasons of the rejected ones."""
        (outcome,) = book_entries(self.database, [Batch(self.feed, CALL, CALL, "", entries_of(list(items)))])
        return [f"{one.item_id}: {one.description}" for one in outcome.rejected]

    def ledger(self, pool: str = "acme"):
        """Returns the present ledger of a pool, after comparing it with a replay of its entries."""
        with self.database.read() as connection:
            (key,) = pool_keys_of(connection, [pool]).values()
            present = ledgers_of(connection, [key])[key]
            replayed = ledger_at(connection, key, present.entry_number)
        assert as_dict(present) == as_dict(replayed)
        return present

    def ledger_as_of(self, number: int, pool: str = "acme"):
        """Returns the ledger of a pool as of one of its entries."""
        with self.database.read() as connection:
            (key,) = pool_keys_of(connection, [pool]).values()
            return ledger_at(connection, key, number)


def as_dict(ledger) -> dict[str, object]:
    """Returns a ledger with lists in place of arrays."""
    values = vars(ledger)
    return {name: one.tolist() if hasattr(one, "tolist") else one for name, one in values.items()}


def open_amounts(ledger) -> dict[str, int]:
    """Returns the open amount of each invoice by number."""
    return dict(zip(ledger.invoice_number.tolist(), ledger.open_minor.tolist(), strict=True))


def unapplied(ledger) -> dict[str, int]:
    """Returns the unapplied amount of each debtor that has one."""
    pairs = zip(ledger.balance_debtor.tolist(), ledger.unapplied_minor.tolist(), strict=True)
    return {debtor: amount for debtor, amount in pairs if amount}
