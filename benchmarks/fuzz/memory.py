"""The memory of a server and of its worker processes.

Only memory that a process has allocated counts. Pages of a file that it maps, such as those of a SQLite book, belong to
the cache of the system, which drops them when it needs the memory.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured import children_of
from collateral_registry.runtime.process_memory import RETURN_SECONDS
from tests.support.server import Server

REST_SECONDS = RETURN_SECONDS + 2
"""Time in which no process may start or end before the memory at rest is read: freed memory has gone back by then."""

REST_LIMIT_SECONDS = 3 * REST_SECONDS
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Memory:
    """Memory after so many requests, in MB: of the server process, and of all its children together."""

    requests: int
    server_mb: float
    workers_mb: float

    @property
    def total_mb(self) -> float:
        """Memory of all processes in MB."""
        return self.server_mb + self.workers_mb


def memory_of(server: Server, requests: int) -> Memory:
    """Returns the memory that a server and its children have allocated now."""
    assert server.process is not None
    workers = sum(map(_allocated_mb, children_of(server.process.pid)))
    return Memory(requests, round(_allocated_mb(server.process.pid), 1), round(workers, 1))


async def memory_at_rest(server: Server, requests: int, rest_seconds: float) -> Memory:
    """Returns the memory once no process, such as one of a preview, has started or ended for so many seconds."""
    assert server.process is not None
    known, since = set(children_of(server.process.pid)), time.monotonic()
    end = since + REST_LIMIT_SECONDS
    while time.monotonic() < min(since + rest_seconds, end):
        await asyncio.sleep(POLL_SECONDS)
        found = set(children_of(server.process.pid))
        if found != known:
            known, since = found, time.monotonic()
    return memory_of(server, requests)


def _allocated_mb(process: int) -> float:
    """Returns the memory that one process has allocated, in MB, or 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "VmSwap:"))) / 1024
