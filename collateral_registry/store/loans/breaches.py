"""Stores one row for each breach: the event that opened it and the commit that cured it.

A list of breaches is read from these rows by an index, not from all events.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Connection, and_, bindparam, case, or_, select, update
from sqlmodel import col

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Enum, Id, Number, Text, enum
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.engine.bulk import Columns, insert_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, unless
from collateral_registry.store.engine.key_sets import is_one_of
from collateral_registry.store.schema.loans import BreachRow, EventRow, LoanRevisionRow, LoanRow

NOT_CURED = 2**62
"""Value of ``cured_seq`` while a breach is open."""

Position = tuple[int, int]
"""Place of a breach in an order: the value by which it is ordered, and its first event."""

START: Position = (-(2**62), 0)
"""A position before every breach, in any order."""

NO_DEADLINE = 2**40
"""Place of breaches without a deadline, after all others."""


class BreachOrder(StrEnum):
    """Order of a list of breaches, as requests state it."""

    NEWEST = ""
    OLDEST = "open_date"
    WORST = "level desc"
    DEADLINE = "deadline_date"


_AS_OF = bindparam("as_of_seq", type_=BigInteger)
"""The commit as of which breaches are listed."""

_IS_OPEN = col(BreachRow.cured_seq) > _AS_OF

# The level after the last event of the breach. For a cured breach it is the level before that event.
_LEVEL = (
    select(case((_IS_OPEN, EventRow.level), else_=EventRow.level_before))
    .where(
        EventRow.loan_key == BreachRow.loan_key,
        EventRow.breach_number == BreachRow.breach_number,
        EventRow.seq <= _AS_OF,
    )
    .order_by(col(EventRow.event_seq).desc())
    .limit(1)
    .correlate(BreachRow)
    .scalar_subquery()
)

_BORROWER = (
    select(LoanRevisionRow.borrower)
    .where(LoanRevisionRow.loan_key == BreachRow.loan_key, LoanRevisionRow.seq <= _AS_OF)
    .order_by(col(LoanRevisionRow.revision).desc())
    .limit(1)
    .correlate(BreachRow)
    .scalar_subquery()
)

_OPEN_DAY = (
    select(EventRow.market_day)
    .where(EventRow.event_seq == BreachRow.first_event)
    .correlate(BreachRow)
    .scalar_subquery()
)

# The newest deadline up to the commit: the event that cures a breach has none. The query itself replaces a missing one,
# because SQLite would run it twice for a function of its result.
_DEADLINE = (
    select(case((EventRow.deadline_day == NO_DAY, NO_DEADLINE), else_=EventRow.deadline_day))
    .where(
        EventRow.loan_key == BreachRow.loan_key,
        EventRow.breach_number == BreachRow.breach_number,
        EventRow.seq <= _AS_OF,
        or_(EventRow.deadline_day != NO_DAY, EventRow.event_seq == BreachRow.first_event),
    )
    .order_by(col(EventRow.event_seq).desc())
    .limit(1)
    .correlate(BreachRow)
    .scalar_subquery()
)

_PLACES: Mapping[BreachOrder, ColumnElement[int]] = {
    BreachOrder.NEWEST: -col(BreachRow.first_event),
    BreachOrder.OLDEST: _OPEN_DAY,
    BreachOrder.WORST: -_LEVEL,
    BreachOrder.DEADLINE: _DEADLINE,
}
"""The value by which each order sorts; breaches with the same value are sorted by their first event."""

BREACH_FILTER = FilterTable(
    loan=FilterField(Id("loans"), LoanRow.loan_id),
    number=FilterField(Number(), BreachRow.breach_number),
    borrower=FilterField(Text(), _BORROWER),
    state=FilterField(Enum({"OPEN": 1, "CURED": 0}, "BREACH_STATE_"), case((_IS_OPEN, 1), else_=0)),
    level=FilterField(enum(Level, "LTV_LEVEL_", ordered=True), _LEVEL),
    open_date=FilterField(Day(), _OPEN_DAY),
    deadline_date=unless(Day(), _DEADLINE, NO_DEADLINE),
)
"""Fields by which breaches can be filtered, as of a commit."""


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
    connection: Connection, seq: int, wanted: Expression, order: BreachOrder, after: Position, limit: int | None
) -> list[dict[str, Any]]:
    """Returns a page of the breaches that were opened up to commit ``seq``, in an order.

    Each row has the loan, its borrower as of that commit, the number of the breach, its place in the order and its
    first event. ``after`` is the position of the last breach on the previous page.
    """
    place, (value, first_event) = _PLACES[order].label("place"), after
    statement = _BREACHES.add_columns(place).where(BREACH_FILTER.where(wanted)).limit(limit)
    if order is BreachOrder.NEWEST:  # the column itself, so that the rows are read by its index
        statement = statement.where(col(BreachRow.first_event) < -value).order_by(col(BreachRow.first_event).desc())
    else:
        statement = statement.order_by(place, BreachRow.first_event)
        if after != START:
            is_later = and_(place.element == value, BreachRow.first_event > first_event)
            statement = statement.where(or_(place.element > value, is_later))
    return [dict(row) for row in connection.execute(statement, {"as_of_seq": seq}).mappings()]


_BREACHES = (
    select(
        BreachRow.loan_key,
        LoanRow.loan_id,
        _BORROWER.label("borrower"),
        BreachRow.breach_number,
        BreachRow.first_event,
    )
    .join(LoanRow, LoanRow.loan_key == BreachRow.loan_key)
    .where(BreachRow.opened_seq <= _AS_OF)
)
