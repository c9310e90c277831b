"""Reads that decide about a loan: pending stock is applied and the loan is judged for the business date first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from collateral_registry.commands.loans.up_to_date import bring_up_to_date, is_up_to_date
from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write

T = TypeVar("T")


async def read_up_to_date(runner: BookRunner, loan_id: str, work: Callable[[Connection], T]) -> T:
    """Returns the result of a read on a snapshot in which the loan is up to date; raises NotFound.

    Where it is not, the read runs in the transaction that brings the loan up to date.
    """

    def read(connection: Connection) -> tuple[T] | None:
        return (work(connection),) if is_up_to_date(connection, loan_id) else None

    def change(write: Write) -> T:
        bring_up_to_date(write, loan_id)
        settle(write)
        return work(write.connection)

    found = await runner.read(read)
    return found[0] if found is not None else await runner.change("BringUpToDate", change, lambda _: True)
