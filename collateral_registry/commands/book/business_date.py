"""The day the book is valued for: opened once, moved on, never back."""

from __future__ import annotations

from importlib.resources import files

from collateral_registry.commands.loans.pickups import end_pickups
from collateral_registry.commands.pipeline.settle import reconcile_touched
from collateral_registry.commands.revaluation.runs import start_run
from collateral_registry.commands.stock.warehouse_score import rescore_all
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.shared.days import date_at
from collateral_registry.store.book.policies import activate_policy, insert_policy
from collateral_registry.store.engine.commits import newest_commit, set_market_day
from collateral_registry.store.engine.database import Database, Write
from collateral_registry.store.engine.json_documents import from_document
from valuation.errors import InvalidInput


def open_book(database: Database, day: int) -> bool:
    """Gives an empty database its first business date and the default policy; false when it has them already."""
    with database.read() as connection:
        seq, _ = newest_commit(connection)
    if seq:
        return False
    document = files("collateral_registry.policies").joinpath("default.json").read_text(encoding="utf-8")
    with database.write("OpenBook", "collateral", market_day=day) as write:
        activate_policy(write, insert_policy(write, from_document(Policy, document)))
        write.commit()
    return True


def advance(write: Write, day: int) -> bool:
    """Moves to a later day and starts the run that values the book for it; false when it is that day already."""
    if day < write.market_day:
        raise InvalidInput("date", date_at(day), f"not before the business date {date_at(write.market_day)}")
    if day == write.market_day:
        return False
    write.market_day = day
    set_market_day(write)
    end_pickups(write)
    reconcile_touched(write)
    write.touched.assets.clear()  # the run values the whole book
    rescore_all(write)
    start_run(write)
    return True
