"""Brings loans up to date before a read: applies what is pending and judges the loans for the business date."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from collateral_registry.commands.loans.up_to_date import are_up_to_date, touch_current_facts
from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.domain.access.callers import SERVICE
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write
from valuation._typing import Int

T = TypeVar("T")


async def read_up_to_date(runner: BookRunner, loans: Callable[[Connection], Int], work: Callable[[Connection], T]) -> T:
    """Returns the result of a read on a snapshot in which the loans with some keys are up to date.

    If one of them is not, one transaction brings them up to date and runs the read.
    """

    def read(connection: Connection) -> tuple[T] | None:
        return (work(connection),) if are_up_to_date(connection, loans(connection)) else None

    def change(write: Write) -> T:
        touch_current_facts(write, loans(write.connection))
        settle(write)
        return work(write.connection)

    found = await runner.read(read)
    return found[0] if found is not None else await runner.change("BringUpToDate", SERVICE, change, lambda _: True)
