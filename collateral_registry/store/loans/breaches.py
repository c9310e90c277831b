"""Stores one row for each breach: the event that opened it and the commit that cured it.

A list of breaches is read from these rows by an index, not from all events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, case, select, update
from sqlmodel import col

from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.store.engine.bulk import Columns, insert_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import is_one_of
from collateral_registry.store.schema.loans import BreachRow, EventRow, LoanRow

NOT_CURED = 2**62
"""Value of ``cured_seq`` while a breach is open."""

LAST = 2**62
"""A number larger than that of any event."""


@dataclass(frozen=True)
class BreachesWanted:
    """A filter of breaches by loan (empty for all), and by state (1 open, 0 cured), level, borrower or number."""

    loan_id: str = ""
    equal: tuple[tuple[str, str | int], ...] = ()


def record_breaches(write: Write, events: Columns) -> None:
    """Inserts the breaches that the events open and marks those that they cure; the events must be in order."""
    inside = np.flatnonzero(events["breach_number"] > 0)
    # If a breach is opened, the opening is the first of the loan's events that has a breach number.
    loans, first = np.unique(events["loan_key"][inside], return_index=True)
    opened = np.isin(loans, events["loan_key"][events["kind"] == int(EventKind.OPENED)])
    head = inside[first[opened]]
    opened_rows = {
        "first_event": events["event_seq"][head],
        "loan_key": events["loan_key"][head],
        "breach_number": events["breach_number"][head],
        "opened_seq": write.seq,
        "cured_seq": NOT_CURED,
    }
    insert_columns(write.connection, BreachRow, opened_rows, len(head))
    cured = events["loan_key"][events["kind"] == int(EventKind.CURED)]
    if len(cured):
        open_ones = (BreachRow.cured_seq == NOT_CURED) & is_one_of(BreachRow.loan_key, cured)
        write.connection.execute(update(BreachRow).where(open_ones).values(cured_seq=write.seq))


def list_breaches(
    connection: Connection, seq: int, wanted: BreachesWanted, before: int, limit: int | None
) -> list[dict[str, Any]]:
    """Returns a page of the breaches that were opened up to commit ``seq``, newest first.

    Each row has the loan, the borrower, the number of the breach and its first event. ``before`` is the first event of
    the last breach on the previous page.
    """
    statement = (
        select(BreachRow.loan_key, LoanRow.loan_id, LoanRow.borrower, BreachRow.breach_number, BreachRow.first_event)
        .join(LoanRow, LoanRow.loan_key == BreachRow.loan_key)
        .where(BreachRow.opened_seq <= seq, BreachRow.first_event < before)
        .where(*[_equal(name, value, seq) for name, value in wanted.equal])
        .order_by(BreachRow.first_event.desc())
        .limit(limit)
    )
    if wanted.loan_id:
        statement = statement.where(LoanRow.loan_id == wanted.loan_id)
    return [dict(row) for row in connection.execute(statement).mappings()]


def _equal(name: str, value: str | int, seq: int) -> ColumnElement[bool]:
    """Returns the SQL condition that, as of commit ``seq``, a field of a breach equals ``value``."""
    open_then = col(BreachRow.cured_seq) > seq
    if name == "state":
        return open_then if value else ~open_then
    if name == "level":
        # This is the level after the last event of the breach up to ``seq``. For a cured breach it is the level before.
        last = (
            select(case((open_then, EventRow.level), else_=EventRow.level_before))
            .where(
                EventRow.loan_key == BreachRow.loan_key,
                EventRow.breach_number == BreachRow.breach_number,
                EventRow.seq <= seq,
            )
            .order_by(EventRow.event_seq.desc())
            .limit(1)
            .correlate(BreachRow)
        )
        return last.scalar_subquery() == value
    return {"borrower": col(LoanRow.borrower), "number": col(BreachRow.breach_number)}[name] == value
