"""Workers on several machines, through a Dask scheduler.

The scheduler knows which partitions wait, the database which are done: one that dies forgets nothing that matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from distributed import Client, as_completed
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from collateral_registry.commands.run_partition import Order
from collateral_registry.worker.lost import WorkersLost
from collateral_registry.worker.process import work

CONNECT_SECONDS = 10.0

LOST = (CommClosedError, FutureCancelledError, KilledWorker, OSError, TimeoutError)
"""What the client raises when the scheduler or too many workers are gone."""


class ClusterWorkers:
    """The workers that have joined a scheduler; each must reach the database at the same URL."""

    def __init__(self, url: str, scheduler: str) -> None:
        """Connects to nothing yet."""
        self._url = url
        self._scheduler = scheduler
        self._client: Client | None = None

    def work(self, orders: Sequence[Order]) -> Iterator[int]:
        """Works the orders and yields the number of each that is stored; raises WorkersLost without a scheduler."""
        if not orders:
            return
        try:
            if self._client is None:
                self._client = Client(self._scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
            futures = [self._client.submit(work, self._url, order, pure=False) for order in orders]
            for future in as_completed(futures, loop=self._client.loop):
                yield int(future.result())
        except LOST as error:
            self.close()
            raise WorkersLost(f"the scheduler at {self._scheduler} or its workers are gone ({error})") from None

    def close(self) -> None:
        """Leaves the scheduler."""
        client, self._client = self._client, None
        if client is not None:
            client.close(timeout=1)
