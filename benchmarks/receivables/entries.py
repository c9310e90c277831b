"""Rate at which entries of invoice ledgers are booked, against bare inserts of the same rows.

``python -m benchmarks.receivables.entries [ENTRIES] [sqlite|postgresql]`` books groups of 10,000 entries (half
invoices, half payments and credit notes of them) of 1,000 pools on a new database. The rows of each group are then
inserted into the same table of another new database, with the same indexes and settings and one durable commit a group:
by the driver's executemany on SQLite, by COPY on PostgreSQL. Both are timed in turns, in elapsed and in processor time,
which includes that of the server of PostgreSQL.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, inspect, select

from benchmarks.engines import engine_of
from benchmarks.measured import processor_seconds_of
from collateral_registry.clock import wall_clock
from collateral_registry.commands.feeds.intake import Batch, DurableBatch, open_feed
from collateral_registry.commands.receivables.entry_intake import EntryGroup, book_entries
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.runtime.process_memory import collect_rarely, keep_freed_memory
from collateral_registry.store.engine.bulk import POSTGRESQL_TYPES
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.schema.receivables import InvoiceEntryRow
from tests.support.postgres import Cluster

GROUP = 10_000
BATCH = 2_000
POOLS = 1_000
DEBTORS = 20_000
HAPPENED_US = 1_700_000_000_000_000
ISSUED = 19_600
entry_key, *COLUMNS = inspect(InvoiceEntryRow).columns
NAMES = ",".join(column.name for column in COLUMNS)
LATER = select(*COLUMNS).where(entry_key > bindparam("last")).order_by(entry_key)


@dataclass
class Clock:
    """Elapsed and processor time of one side; ``server`` returns the processor time of the server of the database."""

    server: Callable[[], float]
    elapsed: float = 0.0
    processor: float = 0.0

    def __enter__(self) -> None:
        self._from = self.server(), time.process_time(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        elapsed, processor = time.perf_counter(), time.process_time()
        self.elapsed += elapsed - self._from[2]
        self.processor += processor - self._from[1] + self.server() - self._from[0]


def group(first: int, draw: np.random.Generator, epoch: int) -> list[Batch[Entries]]:
    """Returns the batches of a group; every second entry settles a part of an invoice that was opened before."""
    opened = first // 2
    rows = []
    for number in range(first, first + GROUP):
        is_invoice = number % 2 == 0
        invoice = number // 2 if is_invoice else int(draw.integers(0, opened + (number - first) // 2 + 1))
        kind = EntryKind.INVOICE if is_invoice else EntryKind.CREDIT_NOTE if number % 20 == 1 else EntryKind.PAYMENT
        amount = 100_000 + invoice % 9_973
        rows.append((number, int(kind), invoice, amount if is_invoice else amount // 7))
    parts = [rows[start : start + BATCH] for start in range(0, GROUP, BATCH)]
    return [Batch("bench", epoch, part[0][0] // BATCH + 1, "", _items(part)) for part in parts]


def _items(rows: list[tuple[int, int, int, int]]) -> Entries:
    count = len(rows)
    issued = [ISSUED if kind == EntryKind.INVOICE else NO_DAY for _, kind, _, _ in rows]
    return Entries(
        entry_id=[f"entry-{number:09d}" for number, _, _, _ in rows],
        kind=[kind for _, kind, _, _ in rows],
        effective_us=[HAPPENED_US] * count,
        pool=[f"pool-{invoice % POOLS}" for _, _, invoice, _ in rows],
        debtor=[f"debtor-{invoice % DEBTORS}" for _, _, invoice, _ in rows],
        invoice_number=[f"INV-{invoice:08d}" for _, _, invoice, _ in rows],
        type_code=[380] * count,
        amount_minor=[amount for _, _, _, amount in rows],
        currency=["USD"] * count,
        issue_day=issued,
        due_day=[day + 60 if day != NO_DAY else NO_DAY for day in issued],
        delivery_day=[NO_DAY] * count,
        flags=[0] * count,
        to_pool=[""] * count,
        corrects=[""] * count,
        document=[""] * count,
        source=[int(EntrySource.LEDGER)] * count,
    )


def insert(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Inserts rows of entries by the driver of the database, in a durable commit."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.execute("BEGIN IMMEDIATE")
        marks = ",".join("?" * len(COLUMNS))
        driver.executemany(f"INSERT INTO invoice_entry ({NAMES}) VALUES ({marks})", rows)
    else:
        with driver.cursor() as cursor, cursor.copy(f"COPY invoice_entry ({NAMES}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([POSTGRESQL_TYPES[column.type.python_type] for column in COLUMNS])
            for row in rows:
                copy.write_row(row)
    driver.commit()


def measure(entries: int, url: str, bare_url: str, server: Callable[[], float]) -> None:
    """Books and inserts the entries group by group and prints the rates."""
    book, bare = Database(url, wall_clock), Database(bare_url, wall_clock)
    migrate(book)
    migrate(bare)
    epoch = open_feed(book, EntryGroup, "bench").epoch
    booked, inserted, last = Clock(server), Clock(server), 0
    draw = np.random.default_rng(7)
    with bare.engine.connect() as connection:
        for first in range(0, entries, GROUP):
            batches = group(first, draw, epoch)
            with booked:
                outcomes = book_entries(book, batches)
            assert all(isinstance(one, DurableBatch) and one.booked == BATCH for one in outcomes)
            with book.read() as source:
                rows = [tuple(row) for row in source.execute(LATER, {"last": last})]
            last += len(rows)
            with inserted:
                insert(connection, rows)
    for one in (book, bare):
        one.close()
    for word, clock in (("booked", booked), ("bare inserts", inserted)):
        rates = f"{entries / clock.elapsed:,.0f} a second, {entries / clock.processor:,.0f} a second of processor time"
        print(f"{word}: {entries:,} entries in {clock.elapsed:.1f} s, {rates}")
    print(
        f"ratio: {inserted.elapsed / booked.elapsed:.2f}, of processor time {inserted.processor / booked.processor:.2f}"
    )


def main(entries: int, name: str) -> None:
    """Measures on new databases of one engine, with the memory settings of the process that books."""
    keep_freed_memory()
    collect_rarely()
    with TemporaryDirectory() as made, engine_of(name, Path(made)) as engine:
        postmaster = int((engine.data / "postmaster.pid").read_text().split()[0]) if isinstance(engine, Cluster) else 0
        server = (lambda: processor_seconds_of(postmaster)) if postmaster else (lambda: 0.0)
        measure(entries, engine.new_database(), engine.new_database(), server)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, sys.argv[2] if len(sys.argv) > 2 else "sqlite")
