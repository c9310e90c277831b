"""Fits under way: each learns in a thread of its own, tells how far it is, and stores its model when it is done."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import structlog

from collateral_registry.commands.equipment.models import store_model
from collateral_registry.domain.shared.errors import AlreadyExists, DomainError, NotFound, Refused
from collateral_registry.rpc.common import convert
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.v1 import equipment_pb2 as pb
from valuation.equipment.sales.mapping import read_mapping
from valuation.errors import InvalidInput

LOG = structlog.get_logger("fits")

UNEXPECTED = "the fit ended unexpectedly; the log of the server says why"
"""Told instead of the error itself, which is nothing a caller can act on."""

FITS_LIMIT = 100
"""Fits remembered; the oldest that are over are forgotten."""

RUNNING_LIMIT = 2
"""Fits at once; more are refused until one is over."""


@dataclass(frozen=True)
class Fit:
    """A fit as it stands now."""

    model_id: str
    state: int = pb.EQUIPMENT_FIT_STATE_RUNNING
    progress: float = 0.0
    message: str = ""

    def as_message(self) -> pb.EquipmentFit:
        """The fit on the wire."""
        done = self.state == pb.EQUIPMENT_FIT_STATE_DONE
        return pb.EquipmentFit(
            name=f"equipmentFits/{self.model_id}",
            state=self.state,  # type: ignore[arg-type] # an enum's number
            progress=convert.ratio(self.progress),
            message=self.message,
            equipment_model=f"equipmentModels/{self.model_id}" if done else "",
        )


class Fits:
    """The fits of this process."""

    def __init__(self, runner: BookRunner) -> None:
        """Nothing is learning yet."""
        self.runner = runner
        self._threads = ThreadPoolExecutor(RUNNING_LIMIT, "fit")
        self._fits: dict[str, Fit] = {}
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, model_id: str, columns: bytes, comparables: bytes) -> Fit:
        """Starts to learn; raises AlreadyExists for a fit of that id, Refused while RUNNING_LIMIT are under way."""
        known = self._fits.get(model_id)
        if known is not None and known.state != pb.EQUIPMENT_FIT_STATE_FAILED:
            raise AlreadyExists(f"id {model_id}", f"equipmentFits/{model_id}")
        running = [fit for fit in self._fits.values() if fit.state == pb.EQUIPMENT_FIT_STATE_RUNNING]
        if len(running) >= RUNNING_LIMIT:
            raise Refused("FITS_RUNNING", f"{len(running)} fits are under way; wait until one is over")
        self._forget()
        fit = Fit(model_id)
        self._fits[model_id] = fit
        task = asyncio.get_running_loop().create_task(self._run(model_id, columns, comparables))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return fit

    def get(self, model_id: str) -> Fit:
        """A fit; raises NotFound."""
        if model_id not in self._fits:
            raise NotFound(f"equipmentFits/{model_id}")
        return self._fits[model_id]

    async def watch(self, model_id: str) -> AsyncIterator[Fit]:
        """A fit each time it has moved on, until it is over."""
        while True:
            moved, fit = self._moved, self.get(model_id)
            yield fit
            if fit.state != pb.EQUIPMENT_FIT_STATE_RUNNING:
                return
            while self.get(model_id) == fit:
                await moved.wait()
                moved = self._moved

    def close(self) -> None:
        """Lets nobody start any more; what is learning ends with the process."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, model_id: str, columns: bytes, comparables: bytes) -> None:
        loop = asyncio.get_running_loop()

        def progress(share: float) -> None:
            loop.call_soon_threadsafe(self._put, replace(self._fits[model_id], progress=share))

        today = self.runner.database.clock().date()
        try:
            files = await loop.run_in_executor(self._threads, _learn, columns, comparables, today, progress)
            await self.runner.change(
                "StoreEquipmentModel", lambda write: store_model(write, model_id, files), lambda _: True
            )
        except (InvalidInput, DomainError) as error:
            self._fail(model_id, str(error))
            return
        except Exception:  # whatever ends a fit must free its id and its place among those that run
            LOG.exception("fit_failed", model=model_id)
            self._fail(model_id, UNEXPECTED)
            return
        self._put(Fit(model_id, pb.EQUIPMENT_FIT_STATE_DONE, 1.0))

    def _fail(self, model_id: str, message: str) -> None:
        self._put(Fit(model_id, pb.EQUIPMENT_FIT_STATE_FAILED, self._fits[model_id].progress, message))

    def _put(self, fit: Fit) -> None:
        self._fits[fit.model_id] = fit
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _forget(self) -> None:
        over = [fit.model_id for fit in self._fits.values() if fit.state != pb.EQUIPMENT_FIT_STATE_RUNNING]
        for model_id in over[: max(0, len(self._fits) + 1 - FITS_LIMIT)]:
            del self._fits[model_id]


def _learn(columns: bytes, comparables: bytes, today: date, progress: object) -> dict[str, bytes]:
    """The files of a model learned from the bytes of a mapping and of the sales until today."""
    from valuation.equipment.models.artefact import pack  # noqa: PLC0415 - LightGBM comes with it
    from valuation.equipment.models.hedonic import fit  # noqa: PLC0415 - see above
    from valuation.equipment.sales.files import read_comparables  # noqa: PLC0415 - see above

    with tempfile.TemporaryDirectory() as folder:
        mapping_file, sales_file = Path(folder) / "columns.toml", Path(folder) / "comparables.csv"
        mapping_file.write_bytes(columns)
        sales_file.write_bytes(comparables)
        mapping = read_mapping(mapping_file)
        if not mapping.currency:
            raise InvalidInput("reading.currency", "nothing", "the ISO 4217 code of the prices")
        sales, data_hash = read_comparables(sales_file, mapping, today)
    return pack(fit(sales, mapping, progress), data_hash)  # type: ignore[arg-type] # a function of a share
