"""Commit of one entry in a large pool, which blocks the booking of entries on SQLite: how long it holds the turn.

``python -m benchmarks.receivables.commits`` books a pool of 100,000 invoices on a new SQLite database. It then applies
single payments, by a server that keeps the pool in memory and by one that has just started, in turns.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from collateral_registry.clock import wall_clock
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.receivables.sync_pools import find_pending_pools, sync_pending_pools
from collateral_registry.domain.access.callers import Author
from collateral_registry.store.engine.database import Database
from tests.support.ledgers import entry
from tests.support.pool_books import DAY, PoolBook, invoice

INVOICES = 100_000
BATCH = 10_000
ROUNDS = 20
AUTHOR = Author("bench", "bench")


def build(url: str, debtors: int) -> PoolBook:
    """Returns a book with one pool whose invoices have equally many debtors, of which four are registered."""
    book = PoolBook(url)
    for first in range(0, INVOICES, BATCH):
        book.feed.report(*(_invoice(number, debtors) for number in range(first, first + BATCH)))
    book.sync()
    return book


def _invoice(number: int, debtors: int) -> dict[str, object]:
    return invoice(str(number), 100_000 + number % 9_973, debtor=_debtor(number, debtors))


def _debtor(number: int, debtors: int) -> str:
    known = ("delta", "globex", "hooli", "initech")
    place = number % debtors
    return known[place] if place < len(known) else f"debtor-{place}"


def apply(database: Database) -> tuple[float, float, float]:
    """Applies what is pending; returns the processor seconds before the transaction, and both times in it."""
    start = time.process_time()
    with database.read() as connection:
        pending = find_pending_pools(connection)
    assert pending is not None
    before, began = time.process_time(), time.perf_counter()
    with database.write("SyncPools", AUTHOR) as write:
        sync_pending_pools(write, pending)
        commit(write)
    return before - start, time.process_time() - before, time.perf_counter() - began


def measure(url: str, debtors: int) -> dict[str, object]:
    """Returns the median times in milliseconds."""
    book = build(url, debtors)
    kept, fresh = [], []
    for number in range(ROUNDS):
        for times in (kept, fresh):
            name = f"paid-{number}-{len(kept)}-{len(fresh)}"
            book.feed.report(entry(name, "PAYMENT", 1, str(number), debtor=_debtor(number, debtors), day=DAY))
            database = book.database if times is kept else Database(url, wall_clock)
            times.append(apply(database))
            if times is fresh:
                database.close()
    book.database.close()
    record: dict[str, object] = {"measure": "commit of one entry in a pool", "invoices": INVOICES, "debtors": debtors}
    for name, found in (("kept", kept[2:]), ("after_start", fresh[2:])):
        medians = np.median(np.array(found) * 1_000, axis=0).round(1).tolist()
        record[name] = dict(zip(("before_ms", "processor_ms", "elapsed_ms"), medians, strict=True))
    return record


def main() -> None:
    """Prints a JSON line for each number of debtors."""
    for debtors in [int(one) for one in sys.argv[1:]] or [4, 1_000]:
        with TemporaryDirectory() as folder:
            print(json.dumps(measure(f"sqlite:///{Path(folder) / 'book.db'}", debtors)), flush=True)


if __name__ == "__main__":
    main()
