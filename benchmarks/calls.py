"""Measures ValueAssets calls a second compared with a plain gRPC echo in the same run.

Calls are measured on an idle server, while prices arrive, and while stock movements of the same lots arrive.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc
import numpy as np

from benchmarks.book import FIRST, Size, make_book
from benchmarks.measured import Measured, peak_mb_of
from benchmarks.stock import PACED_ITEMS_PER_SECOND, stock_coming_in
from collateral_registry.clock import wall_clock
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.domain.access.callers import Author
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import price_pb2, price_pb2_grpc, valuation_pb2, valuation_pb2_grpc
from tests.support.postgres import wait_until
from tests.support.server import Server, free_port, observation

IN_FLIGHT = 32
SECONDS = 4.0
ROUNDS = 3
ASSETS = 1_000
P99_LIMIT_ECHOES = 4.0
PRICES_PER_SECOND = 20

ECHO = """
import asyncio, sys, grpc, uvloop
async def echo(request, context):
    return request
async def main():
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", {"Call": handler}),))
    server.add_insecure_port(sys.argv[1])
    await server.start()
    await server.wait_for_termination()
uvloop.run(main())
"""


@dataclass(frozen=True)
class Rate:
    """Calls a second, and the 99th percentile of the response time."""

    calls_per_second: float
    p99_ms: float


def measure_calls(url: str) -> list[Measured]:
    """Measures ValueAssets with one asset and the echo in alternating rounds, and reports the best round of each."""
    database = Database(url, wall_clock)
    make_book(database, Size(ASSETS, ASSETS // 10))
    run_book(database, Author("bench", "bench"))
    database.close()
    server = Server(url).start()
    address = f"127.0.0.1:{free_port()}"
    echo = subprocess.Popen([sys.executable, "-c", ECHO, address])
    wait_until(lambda: _is_serving(address))
    try:
        values, echoes = [], []
        for _ in range(ROUNDS):
            values.append(asyncio.run(_rate(server.address, _value_call)))
            echoes.append(asyncio.run(_rate(address, _echo_call)))
        busy = asyncio.run(_rate_while_prices_come_in(server.address))
        with stock_coming_in(server.address, range(1, ASSETS + 1)):
            moving = asyncio.run(_rate(server.address, _value_call))
        peak = peak_mb_of(server.process.pid)
    finally:
        echo.terminate()
        echo.wait()
        server.stop()
    best_value, best_echo = (max(rates, key=lambda rate: rate.calls_per_second) for rates in (values, echoes))
    limit_ms = P99_LIMIT_ECHOES * best_echo.p99_ms
    return [
        Measured("value one asset over gRPC", best_value.calls_per_second, "calls/s", best_echo.calls_per_second, peak),
        Measured("value one asset over gRPC, p99, to four of the echo's", best_value.p99_ms, "ms", limit_ms, peak),
        Measured(
            "value one asset while 20 prices a second come in",
            busy.calls_per_second,
            "calls/s",
            best_echo.calls_per_second,
            peak,
        ),
        Measured(
            f"value one asset while {PACED_ITEMS_PER_SECOND} stock items/s come in",
            moving.calls_per_second,
            "calls/s",
            best_echo.calls_per_second,
            peak,
        ),
    ]


def _is_serving(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary("/echo.Echo/Call")(b"x", timeout=1)
        except grpc.RpcError:
            return False
    return True


Call = Callable[[int], Awaitable[object]]


def _value_call(channel: grpc.aio.Channel) -> Call:
    stub = valuation_pb2_grpc.ValuationServiceStub(channel)
    requests = [valuation_pb2.ValueAssetsRequest(names=[f"assets/lot-{key}"]) for key in range(1, ASSETS + 1)]
    return lambda number: stub.ValueAssets(requests[number % ASSETS])


def _echo_call(channel: grpc.aio.Channel) -> Call:
    call = channel.unary_unary("/echo.Echo/Call")
    body = valuation_pb2.ValueAssetsRequest(names=["assets/lot-1"]).SerializeToString()
    return lambda _: call(body)


async def _rate(address: str, make: Callable[[grpc.aio.Channel], Call]) -> Rate:
    """Measures calls by IN_FLIGHT callers, each of which awaits the response before its next call."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = make(channel)
        await call(0)
        end = time.perf_counter() + SECONDS
        by_caller = await asyncio.gather(*(_call_until(call, number, end) for number in range(IN_FLIGHT)))
    seconds = [one for caller in by_caller for one in caller]
    return Rate(len(seconds) / SECONDS, float(np.percentile(seconds, 99)) * 1e3)


async def _rate_while_prices_come_in(address: str) -> Rate:
    """Measures value calls while PRICES_PER_SECOND prices a second are committed, which invalidates cached values."""
    stop = asyncio.Event()

    async def quote() -> None:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = price_pb2_grpc.PriceServiceStub(channel)
            for number in itertools.count():
                if stop.is_set():
                    return
                message = observation(f"series-{number % 20}", FIRST, f"{1000 + number % 50}")
                await stub.IngestPrices(price_pb2.IngestPricesRequest(observations=[message]))
                await asyncio.sleep(1 / PRICES_PER_SECOND)

    quoting = asyncio.create_task(quote())
    rate = await _rate(address, _value_call)
    stop.set()
    await quoting
    return rate


async def _call_until(call: Call, first: int, end: float) -> list[float]:
    """Calls repeatedly until a time and returns the seconds of each call."""
    seconds = []
    while (start := time.perf_counter()) < end:
        await call(first + len(seconds) * IN_FLIGHT)
        seconds.append(time.perf_counter() - start)
    return seconds
