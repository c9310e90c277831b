"""What runs in a worker's process: one order after another, on the road of columns.

Nothing else of the database is opened here (store/engine/arrow.py says why), and connections are kept between orders.
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
    """Works a partition of the book at a URL; returns its number. Raises StoreUnavailable when it cannot."""
    try:
        work_partition(_database(url, get_ident()), job)
    except StoreUnavailable:
        _database.cache_clear()  # the next order begins with a fresh connection
        raise
    return job.partition.number


@cache
def _database(url: str, _thread: int) -> ArrowDatabase:
    from collateral_registry.store.engine.arrow import ArrowDatabase  # noqa: PLC0415 - half a second, in a worker alone

    return ArrowDatabase(url)
