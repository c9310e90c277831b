"""Fits equipment models: each fit runs in a thread, reports its progress, and stores its model when it succeeds."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from pathlib import Path

from collateral_registry.commands.equipment.models import store_model
from collateral_registry.domain.shared.errors import AlreadyExists, DomainError, NotFound, Refused
from collateral_registry.logs import logger
from collateral_registry.runtime.transactions import BookRunner
from valuation.equipment.sales.mapping import read_mapping
from valuation.errors import InvalidInput, MissingExtra
from valuation.extras import check_installed

LOG = logger("fits")

UNEXPECTED = "the fit ended unexpectedly; the log of the server says why"
"""Message of a fit that failed with an error that is of no use to a caller."""

FITS_LIMIT = 100
"""Fits kept in memory; the oldest that have ended are dropped."""

RUNNING_LIMIT = 2
"""Fits that run at once; more are refused until one has ended."""


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


class Fits:
    """Runs fits of equipment models and keeps their states in memory."""

    def __init__(self, runner: BookRunner) -> None:
        self._runner = runner
        self._threads = ThreadPoolExecutor(RUNNING_LIMIT, "fit")
        self._fits: dict[str, Fit] = {}
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, model_id: str, columns: bytes, comparables: bytes) -> Fit:
        """Starts a fit.

        Raises AlreadyExists if a fit with this id is running or done, Refused while RUNNING_LIMIT fits are running, and
        MissingExtra if LightGBM is not installed.
        """
        check_installed("comparables")
        known = self._fits.get(model_id)
        if known is not None and known.state is not FitState.FAILED:
            raise AlreadyExists(f"id {model_id}", f"equipmentFits/{model_id}")
        running = [fit for fit in self._fits.values() if fit.state is FitState.RUNNING]
        if len(running) >= RUNNING_LIMIT:
            raise Refused("FITS_RUNNING", f"{len(running)} fits are under way; wait until one is over")
        self._drop_oldest()
        fit = Fit(model_id)
        self._fits[model_id] = fit
        task = asyncio.get_running_loop().create_task(self._run(model_id, columns, comparables))
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
        """Accepts no new fits; the running fits are abandoned when the process ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, model_id: str, columns: bytes, comparables: bytes) -> None:
        loop = asyncio.get_running_loop()

        def progress(share: float) -> None:
            loop.call_soon_threadsafe(self._put, replace(self._fits[model_id], progress=share))

        today = self._runner.database.clock().date()
        try:
            files = await loop.run_in_executor(self._threads, _fit, columns, comparables, today, progress)
            await self._runner.change(
                "StoreEquipmentModel", lambda write: store_model(write, model_id, files), lambda _: True
            )
        except (InvalidInput, DomainError, MissingExtra) as error:
            self._fail(model_id, str(error))
            return
        except Exception:  # any error must free the id of the fit and its place among those that run
            LOG.exception("fit_failed", model=model_id)
            self._fail(model_id, UNEXPECTED)
            return
        self._put(Fit(model_id, FitState.DONE, 1.0))

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


def _fit(columns: bytes, comparables: bytes, today: date, progress: Callable[[float], None]) -> dict[str, bytes]:
    """Fits a model to the sales up to today and returns its files.

    ``columns`` is the TOML file that maps the columns of the CSV file ``comparables``.
    """
    from valuation.equipment.models.artefact import pack  # noqa: PLC0415 - imports LightGBM
    from valuation.equipment.models.hedonic import fit  # noqa: PLC0415 - imports LightGBM
    from valuation.equipment.sales.files import read_comparables  # noqa: PLC0415 - imports LightGBM

    with tempfile.TemporaryDirectory() as folder:
        mapping_file, sales_file = Path(folder) / "columns.toml", Path(folder) / "comparables.csv"
        mapping_file.write_bytes(columns)
        sales_file.write_bytes(comparables)
        mapping = read_mapping(mapping_file)
        if not mapping.currency:
            raise InvalidInput("reading.currency", "nothing", "the ISO 4217 code of the prices")
        sales, data_hash = read_comparables(sales_file, mapping, today)
    return pack(fit(sales, mapping, progress), data_hash)
