"""Measures what another caller notices of an attack: the latency of a read, the memory and the health of the server.

The measurement runs in a process of its own, so that the attack of a test does not take its processor time. As a
machine with other work slows every read, a latency above the limit counts only if it is also several times that of
the same reads before the attack.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collateral_registry.v1 import loan_pb2, loan_pb2_grpc
from tests.support.launch import PRELOADED
from tests.support.server import Server

LOAN = "loans/loan-agri-fleet"
"""A loan of the sample book."""

LATENCY_LIMIT_SECONDS = 0.1
"""Largest 99 % quantile of the latency of the bystander's reads."""

QUIET_FACTOR_LIMIT = 3.0
"""Largest ratio of that quantile to the one before the attack, where it exceeds the limit."""

MEMORY_LIMIT_BYTES = 1 << 30
"""Largest resident memory of the server and its child processes."""

READS_LEAST = 50
PAUSE_SECONDS = 0.005
MEMORY_PAUSE_SECONDS = 0.05
TIMEOUT_SECONDS = 30.0
STOP_SECONDS = 60.0


@dataclass
class Noticed:
    """What a bystander measured in one phase."""

    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    health: set[int] = field(default_factory=set)
    peak_bytes: int = 0

    @property
    def p99(self) -> float:
        """The 99 % quantile of the latencies in seconds."""
        found = sorted(self.latencies)
        return found[int(0.99 * (len(found) - 1))]


def judge(quiet: Noticed, noticed: Noticed) -> None:
    """Fails if the attack was noticed; ``quiet`` was measured before it."""
    assert not noticed.failures, noticed.failures[:3]
    assert len(noticed.latencies) >= READS_LEAST, len(noticed.latencies)
    allowed = max(LATENCY_LIMIT_SECONDS, QUIET_FACTOR_LIMIT * quiet.p99)
    assert noticed.p99 < allowed, f"p99 {1e3 * noticed.p99:.0f} ms, before the attack {1e3 * quiet.p99:.0f} ms"
    assert noticed.peak_bytes < MEMORY_LIMIT_BYTES, f"{noticed.peak_bytes >> 20} MiB"
    assert noticed.health == {health_pb2.HealthCheckResponse.SERVING}, noticed.health


@contextmanager
def unnoticed(server: Server, loan: str = LOAN) -> Iterator[None]:
    """Runs an attack in the block, and fails if a bystander notices it."""
    assert server.process is not None
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    process = context.Process(target=_watch, args=(theirs, server.address, server.process.pid, loan))
    process.start()
    theirs.close()
    try:
        quiet = ours.recv()
        yield
        ours.send("stop")
        assert ours.poll(STOP_SECONDS), "the bystander waits for an answer"
        judge(quiet, ours.recv())
    finally:
        ours.close()
        process.kill()
        process.join()


def _watch(pipe: Connection, address: str, process_id: int, loan: str) -> None:
    """Sends what is noticed before an attack, and at the end what was noticed during it."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(address, options) as channel:
        quiet, during, ended = Noticed(), Noticed(), Event()
        while len(quiet.latencies) + len(quiet.failures) < READS_LEAST:
            _read(channel, loan, quiet)
        pipe.send(quiet)
        weighing = Thread(target=_weigh, args=(process_id, during, ended), daemon=True)
        weighing.start()
        while not pipe.poll() or len(during.latencies) + len(during.failures) < READS_LEAST:
            _read(channel, loan, during)
        ended.set()
        weighing.join()
        pipe.send(during)


def _read(channel: grpc.Channel, loan: str, noticed: Noticed) -> None:
    start = time.perf_counter()
    try:
        loan_pb2_grpc.LoanServiceStub(channel).GetLoan(loan_pb2.GetLoanRequest(name=loan), timeout=TIMEOUT_SECONDS)
        noticed.latencies.append(time.perf_counter() - start)
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS)
        noticed.health.add(health.status)
    except grpc.RpcError as error:
        noticed.failures.append(f"{error.code().name}: {error.details()}")
    time.sleep(PAUSE_SECONDS)


def _weigh(process_id: int, noticed: Noticed, ended: Event) -> None:
    while not ended.wait(MEMORY_PAUSE_SECONDS):
        noticed.peak_bytes = max(noticed.peak_bytes, memory_of(process_id))


def memory_of(process_id: int) -> int:
    """Returns the resident bytes of a process and its descendants; shared memory counts in proportion."""
    return _resident(process_id) + sum(memory_of(child) for child in _children_of(process_id))


def _children_of(process_id: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{process_id}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # the process has ended
        return []


def _resident(process_id: int) -> int:
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
