"""Brings a loan up to date before a read: applies what is pending and judges the loan for the business date."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from collateral_registry.commands.loans.up_to_date import bring_up_to_date, is_up_to_date
from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.domain.access.callers import SERVICE
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write

T = TypeVar("T")


async def read_up_to_date(runner: BookRunner, loan_id: str, work: Callable[[Connection], T]) -> T:
    """Returns the result of a read on a snapshot in which the loan is up to date; raises NotFound.

    If the loan is not up to date, one transaction brings it up to date and runs the read.
    """

    def read(connection: Connection) -> tuple[T] | None:
        return (work(connection),) if is_up_to_date(connection, loan_id) else None

    def change(write: Write) -> T:
        bring_up_to_date(write, loan_id)
        settle(write)
        return work(write.connection)

    found = await runner.read(read)
    return found[0] if found is not None else await runner.change("BringUpToDate", SERVICE, change, lambda _: True)
