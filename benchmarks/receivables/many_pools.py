"""Revaluation of many pools of invoices after a new business date: ``python -m benchmarks.receivables.many_pools``.

Registers pools of 100 invoices with their debtors and assignments on a new SQLite database, advances the business date
and measures the run, from its start to its publication, in worker processes.
"""

from __future__ import annotations

import argparse
import json
import time
from os import cpu_count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measured import peak_mb_of_children
from benchmarks.revaluation import revalue
from collateral_registry.commands.assets.register import register
from collateral_registry.commands.assignments.records import record_event, record_search
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.debtors.registry import create_debtor
from collateral_registry.commands.feeds.intake import CALL, Batch
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.receivables.entry_intake import book_entries
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.assets.claims import ReceivablePool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.assignments.events import AssignmentEvent, AssignmentEventKind, RegistrySearch
from collateral_registry.domain.debtors.debtor import Debtor, DebtorKind
from collateral_registry.domain.shared.days import day_of
from collateral_registry.runtime.revaluation.local_workers import LocalWorkers
from collateral_registry.store.engine.database import Database, Write
from tests.support.books import FIRST, open_empty_book
from tests.support.ledgers import entries_of
from tests.support.pool_books import invoice

INVOICES = 100
DEBTORS = 200
POOLS_A_STEP = 50
RUNS = 2


def build(url: str, pools: int) -> Database:
    """Returns a new book with pools, none of which secures a loan; invoices of a pool have about 30 debtors."""
    database = open_empty_book(url)
    with database.write("bench", Author("bench", "bench")) as write:
        for name in ("owner", *(f"debtor-{number}" for number in range(DEBTORS))):
            create_debtor(write, Debtor(name, name, country="US", is_independent=True, kind=DebtorKind.FIRM))
        commit(write)
    for first in range(0, pools, POOLS_A_STEP):
        numbers = range(first, min(first + POOLS_A_STEP, pools))
        with database.write("bench", Author("bench", "bench")) as write:
            for number in numbers:
                register_pool(write, f"pool-{number}")
            commit(write)
        entries = [_invoice(number, at) for number in numbers for at in range(INVOICES)]
        book_entries(database, [Batch("bench", CALL, CALL, "", entries_of(entries))])
    return database


def register_pool(write: Write, name: str) -> None:
    """Registers a pool whose invoices are assigned to the lender; a search of the registry found no one else."""
    register(write, Asset(name, "Acme", "receivable.trade", "USD", ReceivablePool(owner_debtor="owner")))
    stated = {"registry": "zdw", "registration_number": f"R-{name}"}
    for kind in (AssignmentEventKind.REGISTERED, AssignmentEventKind.NOTICE_DELIVERED):
        shown = stated if kind == AssignmentEventKind.REGISTERED else {}
        record_event(write, name, "a-1", AssignmentEvent(kind, FIRST, **shown), "bench")
    record_search(write, name, RegistrySearch(FIRST, "zdw"), "bench")


def _invoice(pool: int, at: int) -> dict[str, object]:
    debtor = f"debtor-{(pool * 7 + at // 4) % DEBTORS}"
    return {**invoice(f"{pool}-{at}", 100_000 + 7 * at, debtor=debtor), "pool": f"pool-{pool}"}


def measure(url: str, pools: int, workers: int) -> None:
    """Prints a JSON line for each run; the first one also starts the workers."""
    started = time.perf_counter()
    database = build(url, pools)
    built = time.perf_counter() - started
    working = LocalWorkers(url, workers)
    for number in range(1, RUNS + 1):
        with database.write("bench", Author("bench", "bench")) as write:
            advance(write, day_of(FIRST) + number)
            commit(write)
        seconds, _ = revalue(database, working)
        record = {
            "measure": "new business date, stored",
            "pools": pools,
            "invoices": pools * INVOICES,
            "seconds": round(seconds, 1),
            "workers": workers,
            "peak_mb_of_a_worker": round(peak_mb_of_children()),
            "built_seconds": round(built, 1),
        }
        print(json.dumps(record), flush=True)
    working.close()
    database.close()


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=cpu_count() or 1)
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        measure(f"sqlite:///{Path(folder) / 'book.db'}", chosen.pools, chosen.workers)


if __name__ == "__main__":
    main()
