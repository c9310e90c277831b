"""Measures what another caller notices of an attack: the latency of a read, the memory and the health of the server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collateral_registry.v1 import loan_pb2, loan_pb2_grpc
from tests.support.server import Server

LATENCY_LIMIT_SECONDS = 0.1
"""Largest 99 % quantile of the latency of the bystander's reads."""

MEMORY_LIMIT_BYTES = 1 << 30
"""Largest resident memory of the server and its child processes."""

PAUSE_SECONDS = 0.005
TIMEOUT_SECONDS = 30.0
READS_LEAST = 20
MEMORY_PAUSE_SECONDS = 0.05


class Bystander:
    """Reads one loan again and again on a connection of its own, and observes the server meanwhile."""

    def __init__(self, server: Server, loan: str) -> None:
        assert server.process is not None
        self._process_id = server.process.pid
        self._address, self._loan = server.address, loan
        self._stop = Event()
        self.latencies: list[float] = []
        self.failures: list[str] = []
        self.health: set[int] = set()
        self.peak_bytes = 0

    @property
    def p99(self) -> float:
        """The 99 % quantile of the latencies, in seconds."""
        found = sorted(self.latencies)
        return found[int(0.99 * (len(found) - 1))]

    @property
    def figures(self) -> str:
        """What was measured, as text."""
        median = sorted(self.latencies)[len(self.latencies) // 2]
        return (
            f"{len(self.latencies)} reads, median {1e3 * median:.0f} ms, p99 {1e3 * self.p99:.0f} ms, "
            f"peak {self.peak_bytes >> 20} MiB"
        )

    def check(self) -> None:
        """Fails if the attack was noticed: the verdict on an attack."""
        figures = self.figures
        assert not self.failures, self.failures[:3]
        assert len(self.latencies) >= READS_LEAST, figures
        assert self.p99 < LATENCY_LIMIT_SECONDS, figures
        assert self.peak_bytes < MEMORY_LIMIT_BYTES, figures
        assert self.health == {health_pb2.HealthCheckResponse.SERVING}, self.health

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches while the block runs."""
        threads = [Thread(target=work) for work in (self._read, self._weigh)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _read(self) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]  # a connection of its own
        with grpc.insecure_channel(self._address, options) as channel:
            loans, health = loan_pb2_grpc.LoanServiceStub(channel), health_pb2_grpc.HealthStub(channel)
            request = loan_pb2.GetLoanRequest(name=self._loan)
            loans.GetLoan(request, timeout=TIMEOUT_SECONDS)  # connects
            while not self._stop.is_set():
                start = time.perf_counter()
                try:
                    loans.GetLoan(request, timeout=TIMEOUT_SECONDS)
                    self.latencies.append(time.perf_counter() - start)
                    answer = health.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS)
                    self.health.add(answer.status)
                except grpc.RpcError as error:
                    self.failures.append(f"{error.code().name}: {error.details()}")
                time.sleep(PAUSE_SECONDS)

    def _weigh(self) -> None:
        while not self._stop.wait(MEMORY_PAUSE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, memory_of(self._process_id))


@contextmanager
def unnoticed(server: Server, loan: str) -> Iterator[Bystander]:
    """Runs an attack in the block, and fails if a bystander notices it."""
    bystander = Bystander(server, loan)
    with bystander.watching():
        yield bystander
    bystander.check()


def memory_of(process_id: int) -> int:
    """Returns the resident bytes of a process and its descendants; shared memory counts in proportion."""
    return _resident(process_id) + sum(memory_of(child) for child in children_of(process_id))


def children_of(process_id: int) -> list[int]:
    """Returns the child processes of a process that lives."""
    try:
        tasks = list(Path(f"/proc/{process_id}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it has ended meanwhile
        return []


def _resident(process_id: int) -> int:
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
