"""Runs in a worker process: executes one job after another on columns read through ADBC.

It opens no other connection to the database (see store/engine/arrow.py). It keeps its connections between jobs.
"""

from __future__ import annotations

from functools import cache
from threading import get_ident
from typing import TYPE_CHECKING

from collateral_registry.commands.revaluation.run_partition import PartitionJob, work_partition
from collateral_registry.domain.shared.errors import StoreUnavailable

if TYPE_CHECKING:
    from collateral_registry.store.engine.arrow import ArrowDatabase


def work(url: str, job: PartitionJob) -> int:
    """Revalues a partition of the book at ``url`` and returns the number of the partition; raises StoreUnavailable."""
    try:
        work_partition(_database(url, get_ident()), job)
    except StoreUnavailable:
        _database.cache_clear()  # the next job opens a new connection
        raise
    return job.partition.number


@cache
def _database(url: str, _thread: int) -> ArrowDatabase:
    from collateral_registry.store.engine.arrow import ArrowDatabase  # noqa: PLC0415 - takes half a second, needed in workers only

    return ArrowDatabase(url)
