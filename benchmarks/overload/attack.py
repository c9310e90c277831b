"""Measures reads on a quiet server, and while model and whole-book calls come at five times their capacity."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import grpc
import numpy as np
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status

from benchmarks.book import Size, make_book
from benchmarks.measured import peak_mb_of
from collateral_registry.clock import wall_clock
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.config import Settings
from collateral_registry.domain.access.callers import Author
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import haircut_pb2, haircut_pb2_grpc, loan_pb2, loan_pb2_grpc, report_pb2, report_pb2_grpc
from tests.support.server import Server

READERS = 4
READS_PER_SECOND = 100
"""Reads that a quiet server answers without effort on two cores, so that a loss is the overload's."""

PROBES_PER_SECOND = 10
"""Costly calls of the reading process, which measure how fast a server that is overloaded refuses."""

TIMES = 5
READS_SHARE = 0.8
REFUSAL_LIMIT_MS = 50.0
MEMORY_LIMIT_MB = 1_024.0
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


@dataclass
class Verdict:
    """Reads a second and their 99th percentiles, refusals by class, and the peak memory of all processes.

    ``refusal_p50_ms`` and ``refusal_p99_ms`` are times of the reading process, as those of reads.
    """

    quiet_reads_per_second: float = 0.0
    reads_per_second: float = 0.0
    quiet_p99_ms: float = 0.0
    p99_ms: float = 0.0
    refused_reads: int = 0
    served: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    other_errors: Counter[str] = field(default_factory=Counter)
    without_retry: int = 0
    refusal_p50_ms: float = 0.0
    refusal_p99_ms: float = 0.0
    peak_mb: float = 0.0

    @property
    def holds(self) -> bool:
        """Returns whether the promise of docs/limits.md holds."""
        return (
            self.reads_per_second >= READS_SHARE * self.quiet_reads_per_second
            and self.refused_reads == 0
            and self.refused.total() > 0
            and self.without_retry == 0
            and not self.other_errors
            and self.refusal_p99_ms < REFUSAL_LIMIT_MS
            and self.peak_mb < MEMORY_LIMIT_MB
        )

    def record(self) -> dict[str, object]:
        """Returns the figures with the verdict."""
        rounded = {name: round(value, 1) if isinstance(value, float) else value for name, value in vars(self).items()}
        return {**rounded, "holds": self.holds}


def overload(url: str, seconds: float, assets: int) -> Verdict:
    """Returns what calls of the costly classes do to the reads of a server with a book of assets."""
    database = Database(url, wall_clock)
    make_book(database, Size(assets, assets // 10))
    run_book(database, Author("bench", "bench"))
    database.close()
    server = Server(url).start()
    assert server.process is not None
    try:
        # Reads and probes come from a process of their own, so that the overload's does not delay noting an answer.
        with ProcessPoolExecutor(1, get_context("spawn")) as reader:
            verdict = asyncio.run(_measured(server.address, seconds, reader))
        verdict.peak_mb = peak_mb_of(server.process.pid)
    finally:
        server.stop()
    return verdict


async def _measured(address: str, seconds: float, reader: Executor) -> Verdict:
    verdict, limits = Verdict(), Settings()
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(reader, _read, address, 1.0)  # the first calls of a server are slower
    quiet = await loop.run_in_executor(reader, _read, address, seconds)
    verdict.quiet_reads_per_second = len(quiet.reads) / seconds
    verdict.quiet_p99_ms = _percentile(quiet.reads, 99)
    stop = asyncio.Event()
    async with grpc.aio.insecure_channel(address, OWN_CONNECTION) as channel:
        costly = [("MODEL", _model_call(channel), limits.model_calls_limit)]
        costly += [("WHOLE_BOOK", _whole_book_call(channel), limits.whole_book_calls_limit)]
        callers = [
            asyncio.create_task(_insist(name, call, stop, verdict))
            for name, call, places in costly
            for _ in range(TIMES * places)
        ]
        await asyncio.sleep(min(seconds, 1.0))
        busy = await loop.run_in_executor(reader, _read, address, seconds, PROBES_PER_SECOND)
        stop.set()
        await asyncio.gather(*callers)
    verdict.reads_per_second, verdict.refused_reads = len(busy.reads) / seconds, busy.refused_reads
    verdict.p99_ms = _percentile(busy.reads, 99)
    verdict.refusal_p50_ms, verdict.refusal_p99_ms = _percentile(busy.refusals, 50), _percentile(busy.refusals, 99)
    return verdict


def _percentile(seconds: list[float], share: float) -> float:
    return float(np.percentile(seconds, share)) * 1e3 if seconds else 0.0


@dataclass
class Answers:
    """Times of reads and of refused probes in seconds, and the number of refused reads."""

    reads: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    refused_reads: int = 0


def _read(address: str, seconds: float, probes_per_second: int = 0) -> Answers:
    """Returns the answers to reads, and to probes if any, on a connection of their own at a steady rate."""
    return asyncio.run(_read_steadily(address, seconds, probes_per_second))


async def _read_steadily(address: str, seconds: float, probes_per_second: int) -> Answers:
    answers = Answers()

    async def read() -> None:
        begun = time.perf_counter()
        try:
            await stub.GetLoan(loan_pb2.GetLoanRequest(name="loans/loan-1"), timeout=10)
            answers.reads.append(time.perf_counter() - begun)
        except grpc.aio.AioRpcError:
            answers.refused_reads += 1

    async def probe() -> None:
        begun = time.perf_counter()
        try:
            await whole_book()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                answers.refusals.append(time.perf_counter() - begun)

    async def repeat(call: Callable[[], Awaitable[None]], start: float, interval: float) -> None:
        due = start
        while (now := time.perf_counter()) < end:
            await asyncio.sleep(max(0.0, due - now))
            await call()
            due += interval

    async with grpc.aio.insecure_channel(address, OWN_CONNECTION) as channel:
        stub, whole_book = loan_pb2_grpc.LoanServiceStub(channel), _whole_book_call(channel)
        start = time.perf_counter()
        end = start + seconds
        callers = [
            repeat(read, start + place / READS_PER_SECOND, READERS / READS_PER_SECOND) for place in range(READERS)
        ]
        callers += [repeat(probe, start, 1 / probes_per_second)] if probes_per_second else []
        await asyncio.gather(*callers)
    return answers


def backtest_request() -> haircut_pb2.BacktestHaircutRequest:
    """Returns a request that keeps a process of models busy for seconds."""
    day = np.datetime64("1999-12-31") + np.arange(2_000)
    path = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, len(day))))
    prices = [
        haircut_pb2.DatedPrice(
            date={"year": one.year, "month": one.month, "day": one.day}, price={"value": f"{price:.4f}"}
        )
        for one, price in zip(day.astype(object), path, strict=True)
    ]
    return haircut_pb2.BacktestHaircutRequest(prices=prices, horizon_days=5, model="ewma-fhs")


def _model_call(channel: grpc.aio.Channel) -> Callable[[], Awaitable[object]]:
    stub, request = haircut_pb2_grpc.HaircutServiceStub(channel), backtest_request()
    return lambda: stub.BacktestHaircut(request, timeout=120)


def _whole_book_call(channel: grpc.aio.Channel) -> Callable[[], Awaitable[object]]:
    stub = report_pb2_grpc.ReportServiceStub(channel)
    request = report_pb2.GenerateLtvReportRequest(page_size=1_000)
    return lambda: stub.GenerateLtvReport(request, timeout=120)


async def _insist(name: str, call: Callable[[], Awaitable[object]], stop: asyncio.Event, verdict: Verdict) -> None:
    """Calls again as soon as a call is served, and at the stated time after a refusal, until the measurement ends."""
    while not stop.is_set():
        try:
            await call()
            verdict.served[name] += 1
        except grpc.aio.AioRpcError as error:
            wait = _retry_seconds(error)
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                verdict.other_errors[f"{error.code().name}: {error.details()}"] += 1
                await asyncio.sleep(1)
                continue
            verdict.refused[name] += 1
            verdict.without_retry += not wait
            await asyncio.sleep(wait or 1.0)


def _retry_seconds(error: grpc.aio.AioRpcError) -> float:
    retry, status = RetryInfo(), rpc_status.from_call(error)
    found = status is not None and any(detail.Unpack(retry) for detail in status.details)
    return float(retry.retry_delay.ToTimedelta().total_seconds()) if found else 0.0
