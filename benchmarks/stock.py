"""Measures durable stock items a second, compared with plain inserts of the same rows with a commit for each batch.

On a book, the moved lots are its first ones, each of which is an asset that secures a loan.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import numpy as np
import psycopg
from sqlalchemy import inspect, select

from benchmarks.book import good_of, lot_of, warehouse_of
from benchmarks.measured import peak_mb_of
from collateral_registry.clock import wall_clock
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.schema.stock import StockMovementRow
from collateral_registry.v1 import stock_pb2 as pb
from tests.support.pushing import HAPPENED_US, batch, movement
from tests.support.server import Client, Server

BATCH_ITEMS = 200
BATCHES = 1_000
WARM_UP = 100
PACED_ITEMS_PER_SECOND = 5_000
LOTS = 1_000
ELSEWHERE = "W-elsewhere"
KINDS = ("RECEIPT", "ISSUE", "QUALITY", "TRANSFER", "ADJUSTMENT")
SHARES = (0.5, 0.4, 0.05, 0.03, 0.02)


@dataclass(frozen=True)
class StockRate:
    """Items a second, floor of plain inserts, 99th percentile of acknowledgement, and peak memory of the server."""

    items_per_second: float
    floor_items_per_second: float
    acknowledged_p99_ms: float
    peak_mb: float


def measure_stock(url: str, new_url: Callable[[], str]) -> StockRate:
    """Pushes batches within the server's window, then inserts the resulting rows into another database."""
    server = Server(url).start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            rate, latencies = _push(Client(channel), _batches(range(1, LOTS + 1)))
        peak = peak_mb_of(server.process.pid)
    finally:
        server.stop()
    floor = _floor(url, new_url())
    return StockRate(rate, floor, float(np.percentile(latencies, 99)), peak)


def _place(key: int) -> dict[str, str]:
    return {"warehouse": warehouse_of(key), "lot": lot_of(key), "good": good_of(key)}


@contextmanager
def stock_coming_in(address: str, keys: range) -> Iterator[None]:
    """Pushes movements of the lots of the given assets in the background, at PACED_ITEMS_PER_SECOND."""
    stop = threading.Event()

    def sending() -> Iterator[pb.PushStockRequest]:
        yield pb.PushStockRequest(open=pb.PushStockOpen(stock_feed="stockFeeds/bench"))
        for one in _batches(keys):
            if stop.wait(BATCH_ITEMS / PACED_ITEMS_PER_SECOND):
                return
            yield pb.PushStockRequest(batch=one)
        raise AssertionError("movements: all were pushed before the measurement ended, want more batches")

    def push() -> None:
        with grpc.insecure_channel(address) as channel:
            for _ in Client(channel).stock.PushStock(sending()):
                pass

    pushing = threading.Thread(target=push)
    pushing.start()
    try:
        yield
    finally:
        stop.set()
        pushing.join()


def _batches(keys: range) -> list[pb.StockBatch]:
    """Returns batches of opening receipts followed by random movements."""
    draw = np.random.default_rng(5)
    lots = [_place(key) for key in keys]
    opening = [movement(f"open-{number:06d}", "RECEIPT", 100_000, **lot) for number, lot in enumerate(lots)]
    rows = list(opening)
    kinds = draw.choice(KINDS, BATCHES * BATCH_ITEMS, p=SHARES).tolist()
    chosen = draw.integers(0, len(lots), len(kinds)).tolist()
    for number, (kind, place) in enumerate(zip(kinds, chosen, strict=True)):
        more = {
            "QUALITY": {"grade": "A"},
            "TRANSFER": {"to_warehouse": ELSEWHERE, "to_lot": f"IN-{place:06d}"},
        }.get(kind, {})
        details = {"bin": f"B{number % 90}", "document": f"DN-{number:08d}", "effective_us": HAPPENED_US + number}
        quantity = 0 if kind == "QUALITY" else 1 + number % 7
        rows.append(movement(f"2022-{number:09d}", kind, quantity, **lots[place], **details, **more))
    parts = range(0, len(rows), BATCH_ITEMS)
    return [batch(place + 1, *rows[start : start + BATCH_ITEMS]) for place, start in enumerate(parts)]


@dataclass
class _Clocked:
    """Times at which each batch was sent and acknowledged, and the server's window of unacknowledged batches."""

    window: int
    sent: dict[int, float] = field(default_factory=dict)
    acknowledged: dict[int, float] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def send(self, sequence: int) -> None:
        """Waits until the window allows a batch, and records the time it is sent."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.sent) - len(self.acknowledged) < self.window)
            self.sent[sequence] = time.perf_counter()

    def acknowledge(self, sequence: int, window: int) -> None:
        """Records the time a batch is acknowledged, and the new window."""
        with self.changed:
            self.acknowledged[sequence], self.window = time.perf_counter(), window
            self.changed.notify()


def _push(client: Client, batches: list[pb.StockBatch]) -> tuple[float, list[float]]:
    clocked = _Clocked(window=1)
    answers = client.stock.PushStock(_sending(batches, clocked))
    clocked.window = next(answers).opened.window
    for answer in answers:
        acknowledged = answer.acknowledged
        if len(acknowledged.rejected_items):
            raise AssertionError(f"rejected: {acknowledged.rejected_items[0]}")
        clocked.acknowledge(acknowledged.sequence, acknowledged.window)
    measured = range(WARM_UP + 1, len(batches) + 1)
    seconds = clocked.acknowledged[len(batches)] - clocked.acknowledged[WARM_UP]
    latencies = [(clocked.acknowledged[one] - clocked.sent[one]) * 1e3 for one in measured]
    return len(measured) * BATCH_ITEMS / seconds, latencies


def _sending(batches: list[pb.StockBatch], clocked: _Clocked) -> Iterator[pb.PushStockRequest]:
    yield pb.PushStockRequest(open=pb.PushStockOpen(stock_feed="stockFeeds/bench"))
    for one in batches:
        clocked.send(one.sequence)
        yield pb.PushStockRequest(batch=one)


def _floor(url: str, empty_url: str) -> float:
    """Returns the rows a second of inserting the same rows by the plain driver, with a durable commit a batch."""
    source, target = Database(url, wall_clock), Database(empty_url, wall_clock)
    migrate(target)
    columns = list(inspect(StockMovementRow).columns)
    with source.read() as connection:
        rows = [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]
    names = ",".join(column.name for column in columns)
    insert = _insert_sqlite if target.is_sqlite else _copy_postgres
    with target.engine.connect() as connection:
        driver = connection.connection.driver_connection
        warm = WARM_UP * BATCH_ITEMS
        insert(driver, names, rows[:warm])
        start = time.perf_counter()
        insert(driver, names, rows[warm:])
        seconds = time.perf_counter() - start
    source.close()
    target.close()
    return len(rows[warm:]) / seconds


def _insert_sqlite(driver: sqlite3.Connection, names: str, rows: list[tuple[object, ...]]) -> None:
    marks = ",".join("?" * len(rows[0]))
    for start in range(0, len(rows), BATCH_ITEMS):
        driver.execute("BEGIN IMMEDIATE")
        driver.executemany(
            f"INSERT INTO stock_movement ({names}) VALUES ({marks})",
            rows[start : start + BATCH_ITEMS],
        )
        driver.execute("COMMIT")


def _copy_postgres(driver: psycopg.Connection, names: str, rows: list[tuple[object, ...]]) -> None:
    for start in range(0, len(rows), BATCH_ITEMS):
        with driver.cursor() as cursor, cursor.copy(f"COPY stock_movement ({names}) FROM STDIN") as copy:
            for row in rows[start : start + BATCH_ITEMS]:
                copy.write_row(row)
        driver.commit()
