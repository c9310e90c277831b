"""Opens the book on its first business date and moves the business date forward."""

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
    """Gives an empty database its first business date and the default policy; returns False if it is not empty."""
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
    """Moves to a later business date and starts the run that revalues the book; returns False if the date is unchanged.

    Raises InvalidInput for an earlier date.
    """
    if day < write.market_day:
        raise InvalidInput("date", date_at(day), f"not before the business date {date_at(write.market_day)}")
    if day == write.market_day:
        return False
    write.market_day = day
    set_market_day(write)
    end_pickups(write)
    reconcile_touched(write)
    write.touched.assets.clear()  # the run revalues the whole book
    rescore_all(write)
    start_run(write)
    return True
