"""Milliseconds from a price that touches a hundred assets to the breach event at a watcher."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import grpc
import numpy as np

from benchmarks.book import FIRST, Size, make_book
from collateral_registry.clock import wall_clock
from collateral_registry.store.database import Database
from collateral_registry.v1 import breach_pb2
from tests.server import Client, Server

ASSETS = 5_000
TICKS = 120
WARM_UP = 20
LOW, HIGH = "900", "1000"
TICKS_A_DAY = 10


def measure_ticks(url: str) -> dict[str, float]:
    """p50 and p99 over ticks that turn the price down and up again, so that every one opens or cures breaches."""
    database = Database(url, wall_clock)
    make_book(database, Size(ASSETS, ASSETS // 10))
    database.close()
    server = Server(url).start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            found = _latencies(Client(channel))
    finally:
        server.stop()
    return {"p50": float(np.percentile(found, 50)), "p99": float(np.percentile(found, 99))}


def _latencies(client: Client) -> list[float]:
    client.advance(FIRST)
    heard: list[tuple[int, float]] = []
    arrived = threading.Condition()
    stream = client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())
    next(stream)
    threading.Thread(target=_listen, args=(stream, heard, arrived), daemon=True).start()
    found = []
    day = FIRST
    for number in range(WARM_UP + TICKS):
        if number % TICKS_A_DAY == 0:
            day += timedelta(days=1)
            client.advance(day)
            time.sleep(0.02)
        with arrived:
            heard.clear()
        start = time.perf_counter()
        client.quote(LOW if number % 2 == 0 else HIGH, day, series="series-1")
        with arrived:
            if not heard and not arrived.wait(5):
                raise TimeoutError("no event arrived within five seconds")
            found.append((heard[0][1] - start) * 1e3)
    stream.cancel()
    return found[WARM_UP:]


def _listen(stream, heard: list[tuple[int, float]], arrived: threading.Condition) -> None:  # noqa: ANN001 - a stream
    try:
        for answer in stream:
            with arrived:
                heard.append((answer.last_sequence, time.perf_counter()))
                arrived.notify()
    except grpc.RpcError:
        return
