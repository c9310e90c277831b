"""A fit that ends for any reason closes its watches and frees its slot, and so does an upload."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from collateral_registry.clock import wall_clock
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.shared.errors import AlreadyExists, NotFound, Refused
from collateral_registry.runtime import equipment_fits
from collateral_registry.runtime.equipment_fits import UNEXPECTED, Fit, Fits, FitState
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Database
from valuation.errors import InvalidInput

T = TypeVar("T")

pytestmark = pytest.mark.slow


MEMORY_BYTES = 384 << 20

AUTHOR = Author("test", "test")


def out_of_memory(*_: object) -> dict[str, bytes]:
    """Fails like a fit that is too large for its machine."""
    raise MemoryError


def failing(*_: object) -> dict[str, bytes]:
    """Fails like a library with a defect."""
    raise ZeroDivisionError


async def watched(fits: Fits, model_id: str) -> Fit:
    """Returns the last state of a fit."""
    seen = [fit async for fit in fits.watch(model_id)]
    return seen[-1]


def on_fits(work: Callable[[Fits], Awaitable[T]], url: str) -> T:
    """Runs a coroutine function on the fits of a book."""

    async def with_fits() -> T:
        runner = BookRunner(Database(url, wall_clock))
        fits = Fits(runner, MEMORY_BYTES)
        try:
            return await work(fits)
        finally:
            fits.close()
            runner.close()

    return asyncio.run(with_fits())


def test_a_fit_that_fails_frees_its_slot_and_id_and_its_file(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    monkeypatch.setattr(equipment_fits, "RUNNING_LIMIT", 1)
    files: list[Path] = []

    async def fit_in_turn(fits: Fits) -> list[Fit]:
        found = []
        for work in (out_of_memory, failing):
            monkeypatch.setattr(equipment_fits, "fit_equipment", work)
            with fits.upload(AUTHOR, "large", "") as upload:
                fits.start(upload)
            files.append(upload.comparables)
            found.append(await asyncio.wait_for(watched(fits, "large"), timeout=30.0))
        return found

    large, wrong = on_fits(fit_in_turn, sqlite_url)
    assert large.state is FitState.FAILED
    assert large.message.startswith("the computation needs more than 384 MiB")
    assert (wrong.state, wrong.message) == (FitState.FAILED, UNEXPECTED)
    assert not any(file.exists() for file in files)


def test_uploads_take_the_places_of_fits_until_they_end(sqlite_url: str) -> None:
    async def upload_in_turn(fits: Fits) -> None:
        with fits.upload(AUTHOR, "first", "") as first, fits.upload(AUTHOR, "second", ""):
            with pytest.raises(AlreadyExists), fits.upload(AUTHOR, "first", ""):
                pass
            with pytest.raises(Refused, match="2 fits are under way"), fits.upload(AUTHOR, "third", ""):
                pass
        assert not first.comparables.exists()
        with fits.upload(AUTHOR, "third", ""):
            pass
        with pytest.raises(NotFound):
            fits.get("first")

    on_fits(upload_in_turn, sqlite_url)


def test_an_upload_without_room_for_its_file_keeps_no_place(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    def full(**_: str) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    async def upload_again(fits: Fits) -> None:
        for _ in range(equipment_fits.RUNNING_LIMIT + 1):
            with monkeypatch.context() as without_room:
                without_room.setattr(equipment_fits, "TemporaryDirectory", full)
                with pytest.raises(OSError, match="no space left"), fits.upload(AUTHOR, "first", ""):
                    pass
        with fits.upload(AUTHOR, "first", ""):
            pass

    on_fits(upload_again, sqlite_url)


def test_an_upload_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    monkeypatch.setattr(equipment_fits, "COMPARABLES_LIMIT_BYTES", 10)

    async def send(fits: Fits) -> None:
        with fits.upload(AUTHOR, "large", "") as upload:
            upload.add(bytes(10))
            with pytest.raises(InvalidInput, match="chunk: got 11 bytes, want at most 10 bytes in total"):
                upload.add(bytes(1))

    on_fits(send, sqlite_url)
