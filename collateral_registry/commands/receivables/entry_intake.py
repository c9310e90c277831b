"""Books batches of entries of invoice ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

from collateral_registry.commands.feeds import intake as feed_intake
from collateral_registry.commands.feeds.intake import Batch, Group, Outcome, Run
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.entries import Entries, PartnerScope, check_feeds, problems_of
from collateral_registry.domain.receivables.ledgers.entry_booking import Booked, Known, book
from collateral_registry.domain.receivables.ledgers.ledger_state import LedgerState
from collateral_registry.domain.receivables.ledgers.payments import PaymentBook
from collateral_registry.store.engine.database import Database
from collateral_registry.store.receivables.booking import (
    known_entries,
    read_balances,
    read_invoices,
    read_pools,
    read_same_amounts,
    store_entries,
    store_ledgers,
)
from collateral_registry.store.receivables.feeds import INVOICE_FEEDS, REJECTED_ENTRIES, feeds_of_pools
from collateral_registry.store.receivables.payments import read_payments

POOL_SHARDS = 64
"""Locks that all pools share. One lock for each pool could exceed the locks that PostgreSQL has for a transaction."""

PAYING = frozenset({EntryKind.PAYMENT, EntryKind.UNAPPLIED})


def pool_shard(pool_id: str) -> str:
    """Returns the name of a pool's shard, which serialises feeds of the same pool."""
    return f"pools {crc32(pool_id.encode()) % POOL_SHARDS}"


class EntryGroup(Group[Entries]):
    """Batches of entries that are committed together. The scope of a feed is a PartnerScope."""

    feeds = INVOICE_FEEDS
    rejections = REJECTED_ENTRIES

    @staticmethod
    def shards_of(items: Entries) -> set[str]:
        """Returns the shards of the pools that entries name."""
        return {*map(pool_shard, {*items.pool, *items.to_pool} - {""})}

    def prepare(self) -> None:
        """Checks the entries and reads the earlier ones that they repeat or correct."""
        self.past: list[dict[str, Known]] = []
        for run in self.runs:
            run.problems = problems_of(run.items, run.scope, self.intake.received_us)
            self.past.append(known_entries(self.intake.connection, run.feed.key, _ids(run)))
        named = {pool for run in self.runs for pool in _pools(run)}
        self.pools = (named | {known.pool for past in self.past for known in past.values()}) - {""}
        feed_of = feeds_of_pools(self.intake.connection, self.pools)
        for run, past in zip(self.runs, self.past, strict=True):
            pool_of = {name: known.pool for name, known in past.items()}
            check_feeds(run.problems, run.items, run.feed.source_id, feed_of, pool_of)

    def shards(self) -> set[str]:
        """Returns the shards of the pools whose ledgers may change."""
        return {*map(pool_shard, self.pools)}

    def book_runs(self) -> None:
        """Books the entries on their ledgers, and stores both."""
        ledgers = read_pools(self.intake.connection, self.pools)
        payments = self._read(ledgers)
        done: list[Booked] = []
        for run, past in zip(self.runs, self.past, strict=True):
            scope: PartnerScope | None = run.scope
            own_pools = None if scope is None else scope.pools
            now_us = self.intake.received_us
            done.append(book(run.items, run.problems, ledgers, payments, past, now_us, own_pools))
        changed = {pool.pool_id: pool for booked in done for pool in booked.pool}
        store_ledgers(self.intake, [changed[name] for name in sorted(changed)])
        for run, booked in zip(self.runs, done, strict=True):
            store_entries(self.intake, run.feed.key, run.items, run.places(), booked)
            run.problems, run.booked, run.known = booked.problems, booked.row, booked.known

    def _read(self, ledgers: dict[str, LedgerState]) -> PaymentBook:
        """Adds to the ledgers what the entries name, and returns the payments that they may match or correct."""
        connection = self.intake.connection
        rows = [one for run, past in zip(self.runs, self.past, strict=True) for one in _named(run, past)]
        of_account = {pool for run in self.runs for pool in _account_pools(run.items)}
        of_account |= {one.pool_id for one in ledgers.values() if one.account_entries}
        paid = [row[1:4] for row in rows if row[0] in PAYING and row[1] in of_account] if of_account else []
        corrected = [
            (known.pool, known.number)
            for run, past in zip(self.runs, self.past, strict=True)
            for name in {*run.items.corrects} & past.keys()
            if (known := past[name]).kind in PAYING
        ]
        payments = read_payments(connection, ledgers, of_account, paid, corrected)
        names = [(pool, debtor, number) for _, pool, debtor, _, number in rows if number]
        names += payments.invoices()
        names += [arrival for run in self.runs for arrival in _arrivals(run)]
        read_invoices(connection, ledgers, names)
        # A payment of the ledger is on its invoice, unless the account has reported it.
        balanced = [row[1:3] for row in rows if row[0] in BALANCED or (row[0] == PAYMENT and row[1] in of_account)]
        read_balances(connection, ledgers, balanced)
        invoiced = [row[1:4] for row in rows if row[0] in STATING]
        credited = [row[1:4] for row in rows if row[0] in CREDITING]
        read_same_amounts(connection, ledgers, invoiced, credited)
        return payments


PAYMENT = int(EntryKind.PAYMENT)

BALANCED = frozenset({EntryKind.UNAPPLIED, EntryKind.CONTRA, EntryKind.CORRECTION})
"""Kinds that may change the balance of a debtor in any pool."""

STATING = frozenset({EntryKind.INVOICE, EntryKind.CORRECTION})
"""Kinds that may state the amount of an invoice."""

CREDITING = frozenset({EntryKind.CREDIT_NOTE, EntryKind.CORRECTION})
"""Kinds that may state the amount of a credit note."""

Named = tuple[int, str, str, int, str]
"""Kind, pool, debtor, amount and invoice number of an entry."""


def _named(run: Run[Entries], past: dict[str, Known]) -> Iterable[Named]:
    """Returns what each valid row names; a correction names what the corrected entry does."""
    items = run.items
    named = zip(items.kind, items.pool, items.debtor, items.amount_minor, items.invoice_number, strict=True)
    if not run.problems and not any(items.corrects):
        return named
    stated = list(named)
    here = {name: (pool, debtor, number) for name, (_, pool, debtor, _, number) in zip(items.ids, stated, strict=True)}
    here |= {name: (known.pool, known.debtor, known.invoice_number) for name, known in past.items()}
    rows = (one for row, one in enumerate(zip(stated, items.corrects, strict=True)) if row not in run.problems)
    # An entry without an id is none that an entry without a correction corrects.
    found = (_of_corrected(one, here.get(corrects) if corrects else None) for one, corrects in rows)
    return [one for one in found if one[1]]


def _of_corrected(one: Named, corrected: tuple[str, str, str] | None) -> Named:
    if corrected is None:
        return one
    pool, debtor, number = corrected
    return one[0], pool, debtor, one[3], number


def _arrivals(run: Run[Entries]) -> Iterator[tuple[str, str, str]]:
    """Yields, for each valid row that moves an invoice, the pool that it enters, its debtor and its number."""
    items = run.items
    if any(items.to_pool):
        for row in run.rows():
            if items.to_pool[row]:
                yield items.to_pool[row], items.debtor[row], items.invoice_number[row]


def _pools(run: Run[Entries]) -> set[str]:
    """Returns the pools that valid rows state."""
    items = run.items
    if not run.problems:
        return {*items.pool, *items.to_pool}
    return {pool for row in run.rows() for pool in (items.pool[row], items.to_pool[row])}


def _account_pools(items: Entries) -> set[str]:
    if EntrySource.ACCOUNT not in items.source:
        return set()
    pairs = zip(items.source, items.pool, strict=True)
    return {pool for source, pool in pairs if source == EntrySource.ACCOUNT and pool}


def _ids(run: Run[Entries]) -> set[str]:
    """Returns the ids of the valid rows and of the entries that these rows correct."""
    ids, corrects = run.items.ids, run.items.corrects
    if not run.problems:
        return {*ids, *corrects} - {""}
    return {name for row in run.rows() for name in (ids[row], corrects[row]) if name}


def book_entries(database: Database, batches: Sequence[Batch[Entries]]) -> list[Outcome]:
    """Books batches in order and returns the outcome of each [n]."""
    return feed_intake.book_batches(database, EntryGroup, batches)
