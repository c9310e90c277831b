"""What waits is taken up and judged before goods or money leave, or a lot is pledged."""

from __future__ import annotations

from collateral_registry.commands.loans.up_to_date import bring_up_to_date, is_up_to_date, stock_waits, take_up_stock
from collateral_registry.runtime.transactions import BookRunner

COMMITS = 2
"""One for the stock that waits, one for the business date."""


async def ensure_up_to_date(runner: BookRunner, loan_id: str) -> None:
    """Brings a loan up to what was told before the call came; raises NotFound for one that nobody registered."""
    for _ in range(COMMITS):
        if await runner.read(lambda connection: is_up_to_date(connection, loan_id)):
            return
        await runner.change("BringUpToDate", lambda write: bring_up_to_date(write, loan_id), lambda _: True)


async def ensure_taken_up(runner: BookRunner, asset_id: str) -> None:
    """Takes up what was told of the lot that an asset is; raises NotFound for an asset that nobody registered."""
    if await runner.read(lambda connection: stock_waits(connection, asset_id)):
        await runner.change("TakeUpStock", lambda write: take_up_stock(write, asset_id), lambda _: True, "stock")
