"""A fit that ends for any reason closes its watches and frees its slot."""

from __future__ import annotations

import asyncio

import pytest

from collateral_registry.clock import wall_clock
from collateral_registry.runtime import equipment_fits
from collateral_registry.runtime.equipment_fits import RUNNING_LIMIT, UNEXPECTED, Fit, Fits, FitState
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Database


def out_of_memory(*_: object) -> dict[str, bytes]:
    """Fails like a fit that is too large for its machine."""
    raise MemoryError


async def watched(fits: Fits, model_id: str) -> Fit:
    """Returns the last state of a fit."""
    seen = [fit async for fit in fits.watch(model_id)]
    return seen[-1]


def test_a_fit_that_runs_out_of_memory_fails_and_frees_its_slot_and_id(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str
) -> None:
    monkeypatch.setattr(equipment_fits, "_fit", out_of_memory)

    async def fit_in_turn() -> list[Fit]:
        runner = BookRunner(Database(sqlite_url, wall_clock))
        fits = Fits(runner)
        found = []
        for _ in range(RUNNING_LIMIT + 1):
            fits.start("large", b"", b"")
            found.append(await asyncio.wait_for(watched(fits, "large"), timeout=30.0))
        fits.close()
        runner.close()
        return found

    for fit in asyncio.run(fit_in_turn()):
        assert (fit.state, fit.message) == (FitState.FAILED, UNEXPECTED)
