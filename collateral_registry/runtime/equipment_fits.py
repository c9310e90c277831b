"""Fits equipment models: receives comparable sales, fits in a process of its own, and stores the model.

A fit outlives the call that starts it. It is bounded in time and memory, and its process ends with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from collateral_registry.commands.equipment.models import store_model
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.shared.errors import AlreadyExists, DomainError, NotFound, Refused
from collateral_registry.logs import logger
from collateral_registry.runtime.model_work.equipment_fit import COMPARABLES_LIMIT_BYTES, fit_equipment
from collateral_registry.runtime.model_work.pool import ModelPool
from collateral_registry.runtime.transactions import BookRunner
from valuation.errors import InvalidInput, MissingExtra
from valuation.extras import check_installed

LOG = logger("fits")

UNEXPECTED = "the fit ended unexpectedly; the log of the server says why"
"""Message of a fit that failed with an error that is of no use to a caller."""

FITS_LIMIT = 100
"""Fits kept in memory; the oldest that have ended are dropped."""

RUNNING_LIMIT = 2
"""Fits that are received or run at once; more are refused until one has ended."""

FITTING_LIMIT = 1
"""Fits that are computed at once; the other waits. A fit takes one processor and much memory."""

FIT_SECONDS_LIMIT = 3_600.0
"""Longest time of a fit, waiting included."""


class FitState(Enum):
    """State of a fit."""

    RUNNING = 1
    DONE = 2
    FAILED = 3


@dataclass(frozen=True)
class Fit:
    """The state of a fit, the share of its work that is done, and the message if it failed."""

    model_id: str
    state: FitState = FitState.RUNNING
    progress: float = 0.0
    message: str = ""


class Upload:
    """Comparable sales that are being received, in a file, and the author of the fit."""

    def __init__(self, author: Author, model_id: str, columns: str) -> None:
        self.author = author
        self.model_id = model_id
        self.started = False
        self._folder = TemporaryDirectory(prefix="collateral-fit-")
        self.columns = Path(self._folder.name) / "columns.toml"
        self.columns.write_text(columns, encoding="utf-8")
        self.comparables = Path(self._folder.name) / "comparables.csv"
        self._file = self.comparables.open("wb")
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """Appends a chunk to the file; raises InvalidInput if the file becomes too large."""
        self._size += len(chunk)
        if self._size > COMPARABLES_LIMIT_BYTES:
            raise InvalidInput("chunk", f"{self._size} bytes", f"at most {COMPARABLES_LIMIT_BYTES} bytes in total")
        self._file.write(chunk)

    def complete(self) -> None:
        """Writes what has been received to the file."""
        self._file.close()

    def remove(self) -> None:
        """Deletes the file."""
        self._file.close()
        self._folder.cleanup()


class Fits:
    """Receives and runs fits of equipment models, and keeps their states in memory."""

    def __init__(self, runner: BookRunner, memory_bytes: int) -> None:
        self._runner = runner
        self._pool = ModelPool(FITTING_LIMIT, memory_bytes, RUNNING_LIMIT, FIT_SECONDS_LIMIT)
        self._receiving: set[str] = set()
        self._fits: dict[str, Fit] = {}
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def upload(self, author: Author, model_id: str, columns: str) -> Iterator[Upload]:
        """Reserves a place and a file for the sales of a fit; both are freed if the block does not start the fit.

        Raises AlreadyExists if a fit with this id is received, running or done, Refused while RUNNING_LIMIT fits are,
        and MissingExtra if LightGBM is not installed.
        """
        check_installed("comparables")
        known = self._fits.get(model_id)
        if model_id in self._receiving or (known is not None and known.state is not FitState.FAILED):
            raise AlreadyExists(f"id {model_id}", f"equipmentFits/{model_id}")
        running = len(self._receiving) + sum(fit.state is FitState.RUNNING for fit in self._fits.values())
        if running >= RUNNING_LIMIT:
            raise Refused("FITS_RUNNING", f"{running} fits are under way; wait until one is over")
        self._receiving.add(model_id)
        try:
            upload = Upload(author, model_id, columns)
            try:
                yield upload
            finally:
                if not upload.started:
                    upload.remove()
        finally:
            self._receiving.discard(model_id)

    def start(self, upload: Upload) -> Fit:
        """Starts the fit of sales that have been received."""
        upload.complete()
        upload.started = True
        self._drop_oldest()
        fit = self._fits[upload.model_id] = Fit(upload.model_id)
        task = asyncio.get_running_loop().create_task(self._run(upload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return fit

    def get(self, model_id: str) -> Fit:
        """Returns the current state of a fit; raises NotFound."""
        if model_id not in self._fits:
            raise NotFound(f"equipmentFits/{model_id}")
        return self._fits[model_id]

    async def watch(self, model_id: str) -> AsyncIterator[Fit]:
        """Yields the state of a fit now and after each change, until the fit ends; raises NotFound."""
        while True:
            moved, fit = self._moved, self.get(model_id)
            yield fit
            if fit.state is not FitState.RUNNING:
                return
            while self.get(model_id) == fit:
                await moved.wait()
                moved = self._moved

    def close(self) -> None:
        """Kills the processes; running fits are abandoned."""
        self._pool.close()

    async def _run(self, upload: Upload) -> None:
        model_id = upload.model_id

        def progress(share: float) -> None:
            self._put(replace(self._fits[model_id], progress=share))

        today = self._runner.database.clock().date()
        work = partial(fit_equipment, upload.columns, upload.comparables, today)
        try:
            files = await self._pool.compute_reporting(work, progress)
            await self._runner.change(
                "StoreEquipmentModel",
                upload.author,
                lambda write: store_model(write, model_id, files),
                lambda _: True,
            )
        except (InvalidInput, DomainError, MissingExtra) as error:
            self._fail(model_id, str(error))
        except Exception:  # any error must free the id of the fit and its place among those that run
            LOG.exception("fit_failed", model=model_id)
            self._fail(model_id, UNEXPECTED)
        else:
            self._put(Fit(model_id, FitState.DONE, 1.0))
        finally:
            upload.remove()
            await self._pool.end_idle()

    def _fail(self, model_id: str, message: str) -> None:
        self._put(Fit(model_id, FitState.FAILED, self._fits[model_id].progress, message))

    def _put(self, fit: Fit) -> None:
        self._fits[fit.model_id] = fit
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _drop_oldest(self) -> None:
        ended = [fit.model_id for fit in self._fits.values() if fit.state is not FitState.RUNNING]
        for model_id in ended[: max(0, len(self._fits) + 1 - FITS_LIMIT)]:
            del self._fits[model_id]
