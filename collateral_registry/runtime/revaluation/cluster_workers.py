"""Executes partition jobs on several machines through a Dask scheduler.

The results are stored in the database, not in the scheduler, so none is lost if the scheduler dies.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from distributed import Client, Future, Security
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker
from pydantic import SecretStr

from collateral_registry.commands.revaluation.run_partition import PartitionJob
from collateral_registry.runtime.revaluation.errors import WorkersLost
from collateral_registry.runtime.revaluation.worker_process import work

CONNECT_SECONDS = 10.0

POLL_SECONDS = 0.02
"""The stored partitions are polled this often."""

STALL_SECONDS = 15.0
"""If no partition is stored for this long, the remaining ones are assigned again; one takes about a second."""

LOST = (CommClosedError, FutureCancelledError, KilledWorker, OSError, TimeoutError)
"""Errors that the client raises if the scheduler or too many workers have died."""


@dataclass(frozen=True)
class TlsFiles:
    """The certificate and the key with which this service calls a scheduler, and the authorities of the cluster."""

    chain: Path
    key: Path
    authorities: Path

    def security(self) -> Security:
        """Returns the settings of Dask's connections, which are encrypted and verified on both sides."""
        return Security(
            require_encryption=True,
            tls_ca_file=str(self.authorities),
            tls_client_cert=str(self.chain),
            tls_client_key=str(self.key),
        )


class ClusterWorkers:
    """Executes partition jobs on the workers of a Dask scheduler; each must reach the database at the same URL."""

    def __init__(self, url: str, scheduler: str, files: TlsFiles | None = None) -> None:
        self._url = SecretStr(url)
        self._scheduler = scheduler
        self._files = files
        self._client: Client | None = None

    def work(self, jobs: Sequence[PartitionJob]) -> Iterator[int]:
        """Executes jobs and yields the number of each stored partition.

        Raises WorkersLost if the scheduler cannot be reached.
        """
        if not jobs:
            return
        try:
            if self._client is None:
                security = self._files.security() if self._files else None
                self._client = Client(self._scheduler, security=security, timeout=CONNECT_SECONDS, set_as_default=False)
            futures = [self._client.submit(work, self._url, job, pure=False) for job in jobs]
            for future in self._as_completed(futures):
                yield int(future.result())
        except LOST as error:
            self.close()
            raise WorkersLost(f"the scheduler at {self._scheduler} or its workers are gone ({error})") from None

    def _as_completed(self, futures: list[Future[int]]) -> Iterator[Future[int]]:
        """Yields futures as they end.

        Raises TimeoutError if none ends for a while, for example because the scheduler has restarted.
        """
        waiting, since = futures, time.monotonic()
        while waiting:
            done = [future for future in waiting if future.done()]
            if done:
                yield from done
                waiting, since = [future for future in waiting if future not in done], time.monotonic()
            elif time.monotonic() - since > STALL_SECONDS:
                raise TimeoutError(f"no partition was stored in {STALL_SECONDS:g} s")
            else:
                time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Disconnects from the scheduler."""
        client, self._client = self._client, None
        if client is not None:
            client.close(timeout=1)
