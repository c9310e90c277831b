"""Stores events of loans, which are numbered without gaps; each event of a breach holds the number of the breach."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, select

from collateral_registry.domain.loans.breach_steps import StepDetails
from collateral_registry.store.engine.bulk import Columns, insert_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.json_documents import from_document
from collateral_registry.store.engine.key_sets import is_one_of
from collateral_registry.store.loans.breaches import record_breaches
from collateral_registry.store.schema.loans import BreachRow, BreachStepRow, EventRow, LoanRow


def insert_events(write: Write, columns: Columns) -> int:
    """Appends events given as columns in the order in which they happened; returns how many there are."""
    count = len(columns["loan_key"])
    if count:
        first = last_event(write.connection) + 1
        numbered = {**columns, "event_seq": np.arange(first, first + count, dtype=np.int64), "seq": write.seq}
        insert_columns(write.connection, EventRow, numbered, count)
        record_breaches(write, numbered)
    return count


def last_event(connection: Connection) -> int:
    """Returns the number of the newest event; 0 if there is none."""
    return int(connection.execute(_LAST).scalar_one())


_LAST = select(func.coalesce(func.max(EventRow.event_seq), 0))


def events_after(connection: Connection, after: int, loan_id: str | None, limit: int) -> list[dict[str, Any]]:
    """Returns a page of the events after a number, in order; if a loan id is given, only events of that loan."""
    where = [EventRow.event_seq > after]
    if loan_id is not None:
        where.append(LoanRow.loan_id == loan_id)
    return _events(connection, where, limit)


def events_of_breaches(connection: Connection, first_events: list[int], seq: int) -> list[dict[str, Any]]:
    """Returns, in order, all events up to commit ``seq`` of the breaches whose first events are ``first_events``."""
    begun = is_one_of(BreachRow.first_event, first_events)
    of_breach = (BreachRow.loan_key == EventRow.loan_key) & (BreachRow.breach_number == EventRow.breach_number)
    return _events(connection, [begun, of_breach, EventRow.seq <= seq], None)


def _events(connection: Connection, where: list[ColumnElement[bool]], limit: int | None) -> list[dict[str, Any]]:
    statement = (
        select(
            EventRow.__table__,
            LoanRow.loan_id,
            LoanRow.currency,
            LoanRow.borrower,
            BreachStepRow.document.label("details"),
        )
        .join(LoanRow, LoanRow.loan_key == EventRow.loan_key)
        .outerjoin(BreachStepRow, BreachStepRow.event_seq == EventRow.event_seq)
        .where(*where)
        .order_by(EventRow.event_seq)
        .limit(limit)
    )
    return [
        {**row, "details": from_document(StepDetails, row["details"]) if row["details"] else StepDetails()}
        for row in connection.execute(statement).mappings()
    ]
