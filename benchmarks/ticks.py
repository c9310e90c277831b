"""Measures the milliseconds from a price of a thousand assets to the breach event at a watcher.

Ticks are measured on an idle server, during revaluation runs, and while stock movements of other lots arrive.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import timedelta

import grpc
import numpy as np
from sqlalchemy import select, update

from benchmarks.book import FIRST, history_of
from benchmarks.measured import Measured, peak_mb_of
from benchmarks.stock import PACED_ITEMS_PER_SECOND, stock_coming_in
from collateral_registry.clock import wall_clock
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.prices.ingest import ingest_prices, open_series
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.store.engine.database import Database
from collateral_registry.store.schema.assets import InventoryRow
from collateral_registry.store.schema.prices import PriceSeriesRow
from collateral_registry.v1 import breach_pb2, valuation_pb2
from tests.support.server import Client, Server

TOUCHED = 1_000
TICKS = 120
WARM_UP = 20
LOW, HIGH = "800", "1000"
SERIES = "ticking"
IDLE_LIMIT_MILLISECONDS = 100.0
RUNNING_LIMIT_MILLISECONDS = 250.0


def measure_ticks(url: str, _assets: int) -> list[Measured]:
    """Measures p50 and p99 of ticks that alternate between two prices, so that each opens or cures breaches."""
    database = Database(url, wall_clock)
    _assign_series(database)
    database.close()
    server = Server(url).start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            client = Client(channel)
            # Advancing the date starts a run over the whole book, which starts the worker processes.
            client.advance(FIRST + timedelta(days=1))
            idle = _latencies(client)
            running = _latencies_during_runs(client, channel)
            with stock_coming_in(server.address, range(TOUCHED + 1, 2 * TOUCHED + 1)):
                busy = _latencies(client)
        peak = peak_mb_of(server.process.pid)
    finally:
        server.stop()
    return [
        *_figures("idle", idle, IDLE_LIMIT_MILLISECONDS, peak),
        *_figures("during a run", running, RUNNING_LIMIT_MILLISECONDS, peak),
        *_figures(f"while {PACED_ITEMS_PER_SECOND} stock items/s come in", busy, RUNNING_LIMIT_MILLISECONDS, peak),
    ]


def _figures(when: str, found: list[float], limit: float, peak: float) -> list[Measured]:
    name = f"tick of {TOUCHED} assets to event, {when}"
    return [Measured(f"{name}, p{q}", float(np.percentile(found, q)), "ms", limit, peak) for q in (50, 99)]


def _assign_series(database: Database) -> None:
    """Assigns a separate price series to the first TOUCHED assets."""
    with database.write("bench", Author("bench", "bench")) as write:
        open_series(write, PriceSeries(SERIES, SERIES, "t", "USD", max_age_days=30))
        ingest_prices(write, history_of(SERIES, 7))
        key = write.connection.execute(
            select(PriceSeriesRow.series_key).where(PriceSeriesRow.series_id == SERIES)
        ).scalar_one()
        mine = update(InventoryRow).where(InventoryRow.asset_key <= TOUCHED)
        write.connection.execute(mine.values(series_id=SERIES, series_key=key))
        commit(write)


def _latencies_during_runs(client: Client, channel: grpc.Channel) -> list[float]:
    """Returns the latencies during consecutive revaluation runs."""
    stop = threading.Event()

    def revalue() -> None:
        while not stop.is_set():
            Client(channel).valuations.Revalue(valuation_pb2.RevalueRequest())

    running = threading.Thread(target=revalue)
    running.start()
    try:
        return _latencies(client)
    finally:
        stop.set()
        running.join()


def _latencies(client: Client) -> list[float]:
    received: list[float] = []
    arrived = threading.Condition()
    stream = client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())
    next(stream)
    threading.Thread(target=_listen, args=(stream, received, arrived), daemon=True).start()
    day, found = FIRST + timedelta(days=1), []
    client.quote(HIGH, day, series=SERIES)
    time.sleep(0.2)
    for number in range(WARM_UP + TICKS):
        with arrived:
            received.clear()
        start = time.perf_counter()
        client.quote(LOW if number % 2 == 0 else HIGH, day, series=SERIES)
        with arrived:
            if not received and not arrived.wait(10):
                raise TimeoutError("breach event: got none within 10 s, want one")
            found.append((received[0] - start) * 1e3)
        time.sleep(0.02)
    stream.cancel()
    return found[WARM_UP:]


def _listen(
    stream: Iterable[breach_pb2.WatchBreachesResponse], received: list[float], arrived: threading.Condition
) -> None:
    try:
        for _ in stream:
            with arrived:
                received.append(time.perf_counter())
                arrived.notify()
    except grpc.RpcError:
        return
