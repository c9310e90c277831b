"""Runs in a worker process: executes one job after another on columns read through ADBC.

It opens no other connection to the database (see store/engine/arrow.py). It keeps its connections between jobs. Without
the extra ``bulk`` it reads and writes the same columns through SQLAlchemy, which takes longer.
"""

from __future__ import annotations

from functools import cache
from threading import get_ident
from typing import TYPE_CHECKING

from pydantic import SecretStr

from collateral_registry.clock import wall_clock
from collateral_registry.commands.revaluation.run_partition import PartitionJob, work_partition
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.logs import logger
from collateral_registry.store.engine.database import Database
from valuation.errors import MissingExtra
from valuation.extras import load

if TYPE_CHECKING:
    from collateral_registry.commands.revaluation.run_partition import Transport

LOG = logger("revaluation")


def work(url: SecretStr, job: PartitionJob) -> int:
    """Revalues a partition of the book at ``url`` and returns the number of the partition; raises StoreUnavailable.

    The URL is a secret, because Dask writes the arguments of a failed task to the log of its worker.
    """
    try:
        work_partition(transport_of(url.get_secret_value(), get_ident()), job)
    except StoreUnavailable:
        transport_of.cache_clear()  # the next job opens a new connection
        raise
    return job.partition.number


@cache
def transport_of(url: str, _thread: int) -> Transport:
    """Returns the connection of a thread to the database: through ADBC, or through SQLAlchemy without ``bulk``."""
    try:
        load("bulk")
    except MissingExtra as missing:
        LOG.info("columns are transferred row by row", cause=str(missing))
        return Database(url, wall_clock)
    from collateral_registry.store.engine.arrow import ArrowDatabase  # noqa: PLC0415 - takes half a second, needed in workers only

    return ArrowDatabase(url)
