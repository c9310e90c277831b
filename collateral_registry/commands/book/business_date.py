"""Opens the book on its first business date, records its mode, and moves the business date forward."""

from __future__ import annotations

from importlib.resources import files

from collateral_registry.commands.loans.pickups import end_pickups
from collateral_registry.commands.pipeline.settle import reconcile_touched
from collateral_registry.commands.revaluation.runs import start_run
from collateral_registry.commands.stock.warehouse_score import rescore_all
from collateral_registry.domain.access.callers import SERVICE
from collateral_registry.domain.book.business_date import check_followed, check_requested, follows_by_date
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.book.business_date import record_mode, recorded_mode
from collateral_registry.store.book.policies import activate_policy, insert_policy
from collateral_registry.store.engine.commits import newest_commit, set_market_day
from collateral_registry.store.engine.database import Connection, Database, Write
from collateral_registry.store.engine.json_documents import from_document
from valuation.errors import InvalidInput


def open_book(database: Database, day: int, *, follows_clock: bool = False) -> bool:
    """Gives an empty database its first business date, its mode and the default policy.

    Returns False if the database is not empty.
    """
    with database.read() as connection:
        seq, _ = newest_commit(connection)
    if seq:
        return False
    document = files("collateral_registry.policies").joinpath("default.json").read_text(encoding="utf-8")
    with database.write("OpenBook", SERVICE, market_day=day) as write:
        activate_policy(write, insert_policy(write, from_document(Policy, document)))
        record_mode(write, follows_clock=follows_clock)
        write.commit()
    return True


def keep_mode(database: Database, today: int, *, requested: bool | None) -> bool:
    """Returns whether the business date follows the clock, and records it if it is new or was never recorded.

    ``requested`` is the mode that the settings state, or None to keep the recorded one.
    """
    with database.read() as connection:
        recorded = recorded_mode(connection)
        _, day = newest_commit(connection)
    inferred = follows_by_date(date_at(day), date_at(today)) if recorded is None else recorded
    follows_clock = inferred if requested is None else requested
    if follows_clock != recorded:
        with database.write("SetBusinessDateMode", SERVICE) as write:
            record_mode(write, follows_clock=follows_clock)
            write.commit()
    return follows_clock


def follows_clock(connection: Connection) -> bool:
    """Returns whether the business date of an open book follows the clock."""
    return bool(recorded_mode(connection))


def advance_by_request(write: Write, day: int, today: int, *, allow_jump: bool) -> bool:
    """Moves to a later business date on request; returns False if the date is unchanged.

    Raises Refused if the date follows the clock or is too far ahead, and InvalidInput for an earlier date.
    """
    if follows_clock(write.connection):
        raise Refused(
            "FOLLOWS_CLOCK",
            "the business date follows the wall clock: start the server with --business-date to move it by hand",
        )
    if not allow_jump:
        check_requested(date_at(day), date_at(write.market_day), date_at(today))
    return advance(write, day)


def follow_clock(write: Write, today: int, *, allow_jump: bool) -> bool:
    """Moves to the clock's date in a book that follows it; returns False if the date is unchanged.

    Raises Refused if the clock's date is earlier than the business date or too far ahead.
    """
    if not follows_clock(write.connection):
        return False
    check_followed(date_at(today), date_at(write.market_day), allow_jump=allow_jump)
    return advance(write, today)


def advance(write: Write, day: int) -> bool:
    """Moves to a later business date and starts the run that revalues the book; returns False if the date is unchanged.

    Raises InvalidInput for an earlier date.
    """
    if day < write.market_day:
        raise InvalidInput("date", date_at(day), f"not before the business date {date_at(write.market_day)}")
    if day == write.market_day:
        return False
    start_day(write, day)
    return True


def start_day(write: Write, day: int) -> None:
    """Sets the business date of this commit, and starts the run that revalues the book for it."""
    write.market_day = day
    set_market_day(write)
    end_pickups(write)
    reconcile_touched(write)
    write.touched.assets.clear()  # the run revalues the whole book
    rescore_all(write)
    start_run(write)
