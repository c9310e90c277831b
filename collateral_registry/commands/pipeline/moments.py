"""Finds the commit and the business date of a requested moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.book.policies import policy_id_at
from collateral_registry.store.engine.commits import (
    last_commit_known_by,
    last_commit_of_day,
    market_day_of,
    newest_commit,
)
from collateral_registry.store.engine.database import Connection
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Moment:
    """The commit that an answer describes, its business date, and the id of the policy in force then.

    The id is empty before the first policy.
    """

    seq: int
    market_day: int
    policy_id: str


def moment_of(
    connection: Connection, seq: int | None = None, known_us: int | None = None, day: date | None = None
) -> Moment:
    """Returns the requested moment: a commit, a time, the end of a business date, or now.

    Raises InvalidInput for a sequence after the newest commit.
    """
    newest, _ = newest_commit(connection)
    chosen = newest
    if seq is not None:
        if not 0 <= seq <= newest:
            raise InvalidInput("as_of.sequence", seq, f"0 to {newest}, the newest commit")
        chosen = seq
    elif known_us is not None:
        chosen = last_commit_known_by(connection, known_us)
    elif day is not None:
        chosen = last_commit_of_day(connection, day_of(day))
    day_then = market_day_of(connection, chosen)
    return Moment(chosen, day_then, policy_id_at(connection, chosen, day_then))
