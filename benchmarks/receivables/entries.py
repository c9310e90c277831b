"""Rate at which entries of invoice ledgers are booked, beside bare inserts of the same rows.

``python -m benchmarks.receivables.entries [ENTRIES]`` books groups of 10,000 entries (half invoices, half payments and
credit notes of them) of 1,000 pools on a new SQLite database, and inserts the rows of each group into a table with the
same indexes. Both are timed in turns, in elapsed and in processor time.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from collateral_registry.clock import wall_clock
from collateral_registry.commands.feeds.intake import CALL, Batch, DurableBatch
from collateral_registry.commands.receivables.entry_intake import book_entries
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.schema.receivables import InvoiceEntryRow

GROUP = 10_000
BATCH = 2_000
POOLS = 1_000
DEBTORS = 20_000
HAPPENED_US = 1_700_000_000_000_000
ISSUED = 19_600
COLUMNS = [name for name in InvoiceEntryRow.model_fields if name != "entry_key"]


@dataclass
class Clock:
    """Elapsed and processor time of one side."""

    elapsed: float = 0.0
    processor: float = 0.0

    def __enter__(self) -> None:
        self._from = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.elapsed += time.perf_counter() - self._from[0]
        self.processor += time.process_time() - self._from[1]


def group(first: int, draw: np.random.Generator) -> list[Batch[Entries]]:
    """Returns the batches of a group; every second entry settles a part of an invoice that was opened before."""
    opened = first // 2
    rows = []
    for number in range(first, first + GROUP):
        is_invoice = number % 2 == 0
        invoice = number // 2 if is_invoice else int(draw.integers(0, opened + (number - first) // 2 + 1))
        kind = EntryKind.INVOICE if is_invoice else EntryKind.CREDIT_NOTE if number % 20 == 1 else EntryKind.PAYMENT
        amount = 100_000 + invoice % 9_973
        rows.append((number, int(kind), invoice, amount if is_invoice else amount // 7))
    return [_batch(rows[start : start + BATCH]) for start in range(0, GROUP, BATCH)]


def _batch(rows: list[tuple[int, int, int, int]]) -> Batch[Entries]:
    count = len(rows)
    issued = [ISSUED if kind == EntryKind.INVOICE else NO_DAY for _, kind, _, _ in rows]
    items = Entries(
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
    return Batch("bench", CALL, CALL, "", items)


def bare_table(path: Path, like: sqlite3.Connection) -> sqlite3.Connection:
    """Returns a database with the table of entries and its indexes only, with the durability of a book."""
    bare = sqlite3.connect(path)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    for (statement,) in like.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'invoice_entry' AND sql <> ''"):
        bare.execute(statement)
    return bare


def measure(entries: int, folder: Path) -> None:
    """Books and inserts the entries group by group and prints the rates."""
    database = Database(f"sqlite:///{folder / 'book.db'}", wall_clock)
    migrate(database)
    booked, inserted, last = Clock(), Clock(), 0
    draw = np.random.default_rng(7)
    names, marks = ",".join(COLUMNS), ",".join("?" * len(COLUMNS))
    with closing(sqlite3.connect(folder / "book.db")) as book, closing(bare_table(folder / "bare.db", book)) as bare:
        for first in range(0, entries, GROUP):
            batches = group(first, draw)
            with booked:
                outcomes = book_entries(database, batches)
            assert all(isinstance(one, DurableBatch) and one.booked == BATCH for one in outcomes)
            query = f"SELECT {names} FROM invoice_entry WHERE entry_key > ? ORDER BY entry_key"
            rows = book.execute(query, (last,)).fetchall()
            last += len(rows)
            with inserted:
                bare.executemany(f"INSERT INTO invoice_entry ({names}) VALUES ({marks})", rows)
                bare.commit()
    database.close()
    for word, clock in (("booked", booked), ("bare inserts", inserted)):
        rates = f"{entries / clock.elapsed:,.0f} a second, {entries / clock.processor:,.0f} a second of processor time"
        print(f"{word}: {entries:,} entries in {clock.elapsed:.1f} s, {rates}")
    print(
        f"ratio: {inserted.elapsed / booked.elapsed:.2f}, of processor time {inserted.processor / booked.processor:.2f}"
    )


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, Path(made))
