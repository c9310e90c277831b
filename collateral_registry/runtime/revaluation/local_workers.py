"""Executes partition jobs in processes on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from pydantic import SecretStr

from collateral_registry.commands.revaluation.run_partition import PartitionJob
from collateral_registry.runtime.child_process import end_with_service
from collateral_registry.runtime.process_memory import collect_rarely, keep_freed_memory
from collateral_registry.runtime.revaluation.errors import WorkersLost
from collateral_registry.runtime.revaluation.worker_process import work

NICENESS = 10
"""Niceness of the workers, so that the service runs first where both need a processor."""


class LocalWorkers:
    """Executes partition jobs in processes, which are started by the first large run.

    The processes are spawned, because a fork would copy the locks of threads.
    """

    def __init__(self, url: str, count: int) -> None:
        self._url = SecretStr(url)
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    def work(self, jobs: Sequence[PartitionJob]) -> Iterator[int]:
        """Executes jobs and yields the number of each stored partition; raises WorkersLost when a process dies."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._count, get_context("spawn"), _prepare)
        futures: list[Future[int]] = [self._pool.submit(work, self._url, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            self._pool = None
            raise WorkersLost("a worker process has died") from None
        finally:
            for future in futures:
                future.cancel()

    def close(self) -> None:
        """Stops the processes after they have finished their current partitions."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    """Prepares a process of the pool. It heeds SIGTERM, by which a broken pool ends its processes."""
    end_with_service()
    os.nice(NICENESS)
    collect_rarely()
    keep_freed_memory()
