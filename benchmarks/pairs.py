"""``make bench-pairs``: compares this checkout with an older one, by value calls and price ticks in alternating turns.

Each checkout serves a book of its own on each engine, made through the contract. One pair is a turn of each server; the
server that goes first alternates. Prints one JSON line for each measure: the median of the ratios older to this one
(above 1 means that this checkout is faster), and the lower bound of its one-sided interval of 95 %.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
from scipy.stats import bootstrap

from benchmarks.calls import IN_FLIGHT
from benchmarks.engines import engine_of
from benchmarks.measured import processor_seconds_of
from collateral_registry.v1 import breach_pb2, valuation_pb2, valuation_pb2_grpc
from tests.support.server import FIRST_DAY, Client, Server, amount, repository

ENGINES = ("sqlite", "postgresql")
PAIRS = 20
LOTS = 100
CALLS = 1_500
TICKS = 20
PRICES = ("9500", "10000")
"""Prices between which a tick alternates; every loan exceeds its margin-call level at the first one."""

CONFIDENCE = 0.9
"""Two-sided level of the interval whose lower end is the one-sided bound of 95 %."""


@dataclass(frozen=True)
class Turn:
    """Elapsed milliseconds and processor milliseconds of the server for one operation."""

    elapsed: float
    processor: float


def compare(older: Path, engine_name: str, pairs: int) -> None:
    """Compares both checkouts on one engine and prints the ratios."""
    with tempfile.TemporaryDirectory() as folder, engine_of(engine_name, Path(folder)) as engine, ExitStack() as stack:
        servers = [stack.enter_context(_serving(checkout, engine.new_database())) for checkout in (older, repository())]
        for name, measure in {"value call": _value_calls, "price tick to event": _ticks}.items():
            for server in servers:
                measure(server)  # not counted: caches fill
            turns = [_pair(measure, servers, number) for number in range(pairs)]
            for kind in ("elapsed", "processor"):
                ratios = np.array([getattr(old, kind) / getattr(new, kind) for old, new in turns])
                print(json.dumps({"measure": f"{name}, {kind} time", "engine": engine_name, **_summary(ratios)}))


def _pair(measure: Callable[[Server], Turn], servers: list[Server], number: int) -> tuple[Turn, Turn]:
    """Measures both servers; the newer one goes first in every second pair."""
    if number % 2:
        new = measure(servers[1])
        return measure(servers[0]), new
    return measure(servers[0]), measure(servers[1])


def _summary(ratios: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, float | int]:
    interval = bootstrap((ratios,), np.median, confidence_level=CONFIDENCE, rng=1).confidence_interval
    return {
        "pairs": len(ratios),
        "ratio": round(float(np.median(ratios)), 3),
        "lower_bound": round(float(interval.low), 3),
    }


@contextmanager
def _serving(checkout: Path, url: str) -> Iterator[Server]:
    """Serves a new book with the code of a checkout."""
    paths = f"{checkout}:{checkout / 'deploy' / 'partner'}"
    # Without PYTHONSAFEPATH the working directory would come before PYTHONPATH.
    server = Server(url, environment={"PYTHONPATH": paths, "PYTHONSAFEPATH": "1"}).start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            _fill(Client(channel))
        yield server
    finally:
        server.stop()


def _fill(client: Client) -> None:
    """Registers lots of one good, each with a loan that its lendable value covers narrowly."""
    client.open_copper()
    client.quote_history()
    client.register_lot("lot-0")
    lendable = amount(_value(client, "lot-0").lendable_value)
    for number in range(1, LOTS + 1):
        client.register_lot(f"lot-{number}")
        client.register_loan(f"loan-{number}")
        client.pledge(f"loan-{number}", f"lot-{number}")
        client.owe(str(round(lendable * 97 / 100, 2)), f"loan-{number}")


def _value(client: Client, lot: str) -> valuation_pb2.Valuation:
    return client.valuations.ValueAssets(valuation_pb2.ValueAssetsRequest(names=[f"assets/{lot}"])).valuations[0]


def _value_calls(server: Server) -> Turn:
    """Measures ValueAssets of one asset by IN_FLIGHT concurrent callers."""

    async def calls() -> None:
        async with grpc.aio.insecure_channel(server.address) as channel:
            stub = valuation_pb2_grpc.ValuationServiceStub(channel)
            numbers = iter(range(CALLS))

            async def caller() -> None:
                for number in numbers:
                    name = f"assets/lot-{number % LOTS + 1}"
                    await stub.ValueAssets(valuation_pb2.ValueAssetsRequest(names=[name]))

            await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))

    return _timed(server, lambda: asyncio.run(calls()), CALLS)


def _ticks(server: Server) -> Turn:
    """Measures a price until its last breach event arrives at a watcher."""
    with grpc.insecure_channel(server.address) as channel:
        client = Client(channel)
        stream = client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())
        next(stream)
        arrived = threading.Semaphore(0)
        threading.Thread(target=_count, args=(stream, arrived), daemon=True).start()

        def tick_all() -> None:
            for number in range(TICKS):
                client.quote(PRICES[number % 2], FIRST_DAY)
                if not arrived.acquire(timeout=10):
                    raise TimeoutError("breach event: got none within 10 s, want one")

        try:
            return _timed(server, tick_all, TICKS)
        finally:
            stream.cancel()


def _count(stream: Iterator[breach_pb2.WatchBreachesResponse], arrived: threading.Semaphore) -> None:
    """Releases the semaphore each time the events of every loan have arrived."""
    received = 0
    try:
        for response in stream:
            received += len(response.events)
            if received >= LOTS:
                received -= LOTS
                arrived.release()
    except grpc.RpcError:
        return


def _timed(server: Server, run: Callable[[], None], operations: int) -> Turn:
    assert server.process is not None
    processor, start = processor_seconds_of(server.process.pid), time.perf_counter()
    run()
    elapsed, used = time.perf_counter() - start, processor_seconds_of(server.process.pid) - processor
    return Turn(elapsed * 1e3 / operations, used * 1e3 / operations)


def main() -> None:
    """Compares two checkouts on both engines, or on the selected ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("older", type=Path, help="folder of the older checkout, with its generated stubs")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="may be given more than once")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    chosen = parser.parse_args()
    for name in chosen.engine or ENGINES:
        compare(chosen.older.resolve(), name, chosen.pairs)


if __name__ == "__main__":
    main()
