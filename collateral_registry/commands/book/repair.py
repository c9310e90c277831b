"""Sets back a business date that was set too far ahead (rules.md section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import takewhile

from collateral_registry.commands.book.business_date import start_day
from collateral_registry.domain.book.business_date import JUMP_LIMIT_DAYS, check_repair
from collateral_registry.domain.shared.days import date_at, day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.book.business_date import Move, fact_after, moves, record_repair
from collateral_registry.store.engine.commits import last_commit_of_day
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pickups import count_expired_between
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Repair:
    """A repair: the business dates before and after it, its commit, and what happened under the wrong date.

    ``commits`` counts the commits since the wrong date began, and ``ended_pickups`` the authorisations that ended.
    """

    before: date
    after: date
    seq: int
    commits: int
    ended_pickups: int


def repair_business_date(write: Write, to: date, today: date, reason: str) -> Repair:
    """Sets the business date back and starts the run that revalues the book for it; ``today`` is the clock's date.

    Raises InvalidInput for a date that is not before the business date, or would change reports of earlier days, and
    Refused while facts are dated after it.
    """
    before, day = write.market_day, day_of(to)
    found = moves(write.connection)
    if not found:
        raise InvalidInput("--to", to, "a book whose business date has moved")
    check_repair(to, date_at(before), date_at(_earliest(found, day_of(today))))
    if later := fact_after(write.connection, day):
        raise Refused(
            "FACTS_AFTER_DATE", f"--to: got {to}, but {later} is dated later; correct its date or choose a later date"
        )
    kept = last_commit_of_day(write.connection, day)
    record_repair(write, kept, before, reason)
    ended = count_expired_between(write.connection, kept, write.seq)
    start_day(write, day)
    return Repair(date_at(before), to, write.seq, write.seq - kept - 1, ended)


def _earliest(found: list[Move], today: int) -> int:
    """Returns the earliest day of a repair, given the moves of the business date, newest first.

    It is the day before the newest jump, or before the newest move if no move was a jump. Moves to days after the
    clock's date can all be undone, because none of those days has come.
    """
    jumps = [move for move in found if move.day - move.before > JUMP_LIMIT_DAYS]
    early = list(takewhile(lambda move: move.day > today, found))
    return min([(jumps or found)[0].before, *(move.before for move in early)])
