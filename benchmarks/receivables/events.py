"""Time from the acknowledgement of an entry to the event at a watcher, in a large book that is otherwise idle.

``python -m benchmarks.receivables.events [--invoices N] [--engine sqlite|postgresql]`` books N invoices of 1,000
debtors in pools of 100,000 and starts a server. One pool secures a loan near its margin call. Single entries dispute
its largest invoice, a tenth of the pool, and end the dispute, so that each opens or cures the breach. In turns with
them, single balances open and cure it too: these change nothing of a pool, so that their time is that of the machine
and of a commit.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import numpy as np

from benchmarks.engines import engine_of
from benchmarks.measured import peak_mb_of, processor_seconds_of
from benchmarks.receivables.many_pools import register_pool
from collateral_registry.commands.debtors.registry import create_debtor
from collateral_registry.commands.feeds.intake import Batch, DurableBatch, open_feed
from collateral_registry.commands.loans.lending import create_loan
from collateral_registry.commands.loans.pledges import pledge_asset
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.receivables.entry_intake import EntryGroup, book_entries
from collateral_registry.commands.receivables.sync_pools import find_pending_pools, sync_pending_pools
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.debtors.debtor import Debtor, DebtorKind
from collateral_registry.domain.loans.agreements import Loan, OwnLimits, Pledge
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.domain.receivables.ledgers.ledger_state import DAY_US
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import breach_pb2
from tests.support.books import FIRST, open_empty_book, registered
from tests.support.invoicing import LedgerClient, invoice_entry
from tests.support.pool_books import NOTHING
from tests.support.server import Client, Server
from valuation._typing import Float

POOL = 100_000
BATCH = 10_000
DEBTORS = 1_000
AMOUNT = 100_000
AUTHOR = Author("bench", "bench")
DAY = day_of(FIRST)
MARGIN_CALL, DISPUTED_LTV = 0.8, 0.81
LIMITS = OwnLimits(watch_ppm=500_000, margin_call_ppm=800_000, stop_draw_ppm=900_000, liquidation_ppm=950_000)
WARM_UP = 5
PAUSE_SECONDS = 1.2
"""Longer than the pause of the sync after a commit, so that an entry does not wait for the one before."""

IDLE_WINDOW_SECONDS, IDLE_SHARE = 30.0, 0.05
"""A server is idle that uses less than this share of a processor in such a time. Reviews of pools, which follow a
start, use a tenth."""

IDLE_LIMIT_SECONDS = 900.0


def build(url: str, invoices: int) -> None:
    """Makes a book with pools of invoices, the first of which secures the loan ``loan-1``."""
    database = open_empty_book(url)
    pools = [min(POOL, invoices - first) for first in range(0, invoices, POOL)]
    with database.write("bench", AUTHOR) as write:
        for name in ("owner", *(f"debtor-{number}" for number in range(DEBTORS))):
            create_debtor(write, Debtor(name, name, country="US", is_independent=True, kind=DebtorKind.FIRM))
        for number in range(len(pools)):
            register_pool(write, f"pool-{number}")
        create_loan(write, Loan("loan-1", "Acme", "USD", NOTHING, ltv_limits=LIMITS))
        pledge_asset(write, registered(Pledge("p-1", "loan-1", "pool-0")))
        commit(write)
    epoch, sequence = open_feed(database, EntryGroup, "bench").epoch, 0
    for number, size in enumerate(pools):
        for first in range(0, size, BATCH):
            sequence += 1
            entries = _entries(number, range(first, min(first + BATCH, size)), size)
            (outcome,) = book_entries(database, [Batch("bench", epoch, sequence, "", entries)])
            assert isinstance(outcome, DurableBatch), outcome
            assert outcome.booked == len(entries), outcome.rejected[:1]
    _sync(database)
    database.close()


def _entries(pool: int, numbers: range, size: int) -> Entries:
    """Returns invoices of a pool that every rule keeps; its first one is a tenth of it."""
    count, issued = len(numbers), DAY - 10
    return Entries(
        entry_id=[f"{pool}-{number}" for number in numbers],
        kind=[int(EntryKind.INVOICE)] * count,
        effective_us=[DAY * DAY_US] * count,
        pool=[f"pool-{pool}"] * count,
        debtor=[f"debtor-{number % DEBTORS}" for number in numbers],
        invoice_number=[f"INV-{number}" for number in numbers],
        type_code=[380] * count,
        amount_minor=[AMOUNT + number % 9_973 if number else AMOUNT * size // 9 for number in numbers],
        currency=["USD"] * count,
        issue_day=[issued] * count,
        due_day=[DAY + 20 + number % 40 for number in numbers],
        delivery_day=[issued] * count,
        flags=[0] * count,
        to_pool=[""] * count,
        corrects=[""] * count,
        document=[""] * count,
        source=[int(EntrySource.LEDGER)] * count,
    )


def _sync(database: Database) -> None:
    while True:
        with database.read() as connection:
            pending = find_pending_pools(connection)
        if pending is None:
            return
        with database.write("SyncPools", AUTHOR) as write:
            sync_pending_pools(write, pending)
            commit(write)


class Watcher:
    """A watcher of breaches that notes when events arrive."""

    def __init__(self, client: Client) -> None:
        self._arrived: list[float] = []
        self._changed = threading.Condition()
        self._stream = client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest(loan="loans/loan-1"))
        next(self._stream)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for answer in self._stream:
                with self._changed:
                    self._arrived += [time.perf_counter()] * bool(answer.events)
                    self._changed.notify()
        except grpc.RpcError:
            return

    def time_of_event(self, change: Callable[[], object]) -> tuple[float, float, float]:
        """Makes a change; returns when it was sent, when it was acknowledged, and when its event arrived."""
        with self._changed:
            self._arrived.clear()
        sent = time.perf_counter()
        change()
        acknowledged = time.perf_counter()
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._arrived), 60):
                raise TimeoutError("event: got none within 60 s, want one")
            return sent, acknowledged, self._arrived[0]


class Changes:
    """Single changes that open and cure the breach of the loan."""

    def __init__(self, client: Client) -> None:
        self._client, self._ledger, self._number = client, LedgerClient(client), 0
        self._owed = 0.0

    def enter(self, kind: str) -> None:
        """Reports one entry about the largest invoice of the pool."""
        self._number += 1
        place = {"pool": "assets/pool-0", "debtor": "debtors/debtor-0"}
        answer = self._ledger.record(invoice_entry(f"single-{self._number}", kind, 0, "INV-0", **place), feed="bench")
        assert not answer.rejected_items, answer

    def owe(self, factor: float) -> None:
        """Sets the debt to a multiple of the one near the margin call."""
        self._client.owe(f"{self._owed * factor:.2f}")

    def approach_the_margin_call(self) -> None:
        """Sets the debt such that a dispute of the largest invoice opens a breach."""
        cover = self._client.loan().cover
        value = cover.market_value.units
        self._client.owe(f"{value // 2}")
        self.enter("DISPUTE")
        _wait(lambda: self._client.loan().cover.market_value.units < value, "a lower cover")
        disputed = float(self._client.loan().cover.ltv.value)
        self.enter("DISPUTE_END")
        _wait(lambda: self._client.loan().cover.market_value.units == value, "the former cover")
        self._owed = value // 2 * DISPUTED_LTV / disputed
        self.owe(1)


def _wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"got no {what} within 60 s")
        time.sleep(0.05)


def _await_idleness(process: int) -> float:
    """Waits until the server has finished what it does after a start; returns the seconds."""
    start = time.monotonic()
    while time.monotonic() < start + IDLE_LIMIT_SECONDS:
        before = processor_seconds_of(process)
        time.sleep(IDLE_WINDOW_SECONDS)
        if processor_seconds_of(process) - before < IDLE_WINDOW_SECONDS * IDLE_SHARE:
            break
    return time.monotonic() - start


def measure(url: str, rounds: int) -> dict[str, object]:
    """Returns the figures of entries and, in turns, of balances, in milliseconds."""
    with _served(url) as (client, process):
        idle = _await_idleness(process)
        changes = Changes(client)
        changes.approach_the_margin_call()
        time.sleep(PAUSE_SECONDS)
        watcher, entries, balances = Watcher(client), [], []
        for _ in range(WARM_UP + rounds):
            for kind in ("DISPUTE", "DISPUTE_END"):
                entries.append(watcher.time_of_event(partial(changes.enter, kind)))
                time.sleep(PAUSE_SECONDS)
            for factor in (1.2, 1.0):
                balances.append(watcher.time_of_event(partial(changes.owe, factor)))
                time.sleep(PAUSE_SECONDS / 4)
        peak = peak_mb_of(process)
    sent, acknowledged, arrived = np.array(entries[2 * WARM_UP :]).T * 1e3
    floor = np.array(balances[2 * WARM_UP :]).T * 1e3
    return {
        "entries": len(sent),
        "acknowledged_to_event_ms": _figures(arrived - acknowledged),
        "sent_to_event_ms": _figures(arrived - sent),
        "balance_sent_to_event_ms": _figures(floor[2] - floor[0]),
        "ratio_of_medians": round(float(np.median(arrived - acknowledged) / np.median(floor[2] - floor[0])), 2),
        "seconds_until_idle": round(idle),
        "peak_mb": round(peak),
    }


def _figures(found: Float) -> dict[str, float]:
    return {name: round(float(np.percentile(found, share)), 1) for name, share in (("p50", 50), ("p99", 99))}


@contextmanager
def _served(url: str) -> Iterator[tuple[Client, int]]:
    server = Server(url).start()
    assert server.process is not None
    try:
        with grpc.insecure_channel(server.address) as channel:
            yield Client(channel), server.process.pid
    finally:
        server.stop()


def main() -> None:
    """Builds the book, measures and prints a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=100, help="each has two entries and two balances")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder, engine_of(chosen.engine, Path(folder)) as engine:
        url, start = engine.new_database(), time.monotonic()
        build(url, chosen.invoices)
        record = {
            "measure": "single entry to event",
            "engine": chosen.engine,
            "invoices": chosen.invoices,
            "built_seconds": round(time.monotonic() - start, 1),
        }
        print(json.dumps({**record, **measure(url, chosen.rounds)}), flush=True)


if __name__ == "__main__":
    main()
