"""Stores disposals and appends their steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Connection, bindparam, func, insert, select
from sqlmodel import col

from collateral_registry.domain.disposals.disposals import (
    Disposal,
    DisposalCause,
    DisposalState,
    DisposalStep,
    Entry,
    EntryDetails,
)
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression
from collateral_registry.domain.filters.fields import Day, Id, enum
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.key_sets import is_one_of
from collateral_registry.store.engine.rows import check_unused, existing, insert_row, values_of
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import DisposalEntryRow, DisposalRow, LoanRow

NOW = 2**62
"""A sequence after every commit."""

_AS_OF = bindparam("as_of_seq", type_=BigInteger)
"""The commit as of which disposals are read."""

# States only rise, so that the state is the largest of those after the steps.
_STATE = (
    select(func.max(DisposalEntryRow.state))
    .where(DisposalEntryRow.disposal_key == DisposalRow.disposal_key, DisposalEntryRow.seq <= _AS_OF)
    .correlate(DisposalRow)
    .scalar_subquery()
)

DISPOSAL_FILTER = FilterTable(
    loan=FilterField(Id("loans"), LoanRow.loan_id),
    state=FilterField(enum(DisposalState, "DISPOSAL_STATE_"), _STATE),
    cause=FilterField(enum(DisposalCause, "DISPOSAL_CAUSE_"), DisposalRow.cause),
    default_date=FilterField(Day(), DisposalRow.default_day),
)
"""Fields that a list of disposals can be filtered by."""


@dataclass(frozen=True)
class StoredEntry:
    """A step with its commit and the time of the commit, in microseconds UTC."""

    entry: Entry
    seq: int
    known_us: int


@dataclass(frozen=True)
class StoredDisposal:
    """A disposal with its keys, its loan's borrower and currency, and its steps in order."""

    key: int
    loan_key: int
    borrower: str
    currency: str
    disposal: Disposal
    steps: Sequence[StoredEntry]

    @property
    def entries(self) -> list[Entry]:
        """The steps without their commits."""
        return [step.entry for step in self.steps]

    @property
    def state(self) -> DisposalState:
        """The state after the newest step."""
        return max(step.entry.state for step in self.steps)


def insert_disposal(write: Write, disposal: Disposal, loan_key: int) -> int:
    """Stores a disposal and returns its key; raises AlreadyExists if the loan has one with that id."""
    own = (DisposalRow.loan_key == loan_key, DisposalRow.disposal_id == disposal.disposal_id)
    check_unused(write.connection, disposal.name, *own)
    return insert_row(
        write.connection,
        DisposalRow,
        disposal_id=disposal.disposal_id,
        loan_key=loan_key,
        default_day=day_of(disposal.default),
        cause=int(disposal.cause),
        document=to_document(disposal),
        opened_seq=write.seq,
    )


def append_entry(write: Write, disposal_key: int, entry: Entry) -> None:
    """Appends a step."""
    values = {
        **values_of(entry, "number", "step", "state", "actor", "note"),
        "disposal_key": disposal_key,
        "seq": write.seq,
    }
    write.connection.execute(insert(DisposalEntryRow).values(**values, document=to_document(entry.details)))


def get_disposal(connection: Connection, loan_id: str, disposal_id: str) -> StoredDisposal:
    """Returns one disposal; raises NotFound."""
    where = [LoanRow.loan_id == loan_id, DisposalRow.disposal_id == disposal_id]
    return existing(_disposals(connection, where, NOW, 1), f"loans/{loan_id}/disposals/{disposal_id}")


def list_disposals(connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[StoredDisposal]:
    """Returns a page of disposals, newest first."""
    return _disposals(
        connection, [DISPOSAL_FILTER.where(wanted), col(DisposalRow.disposal_key) < before_key], NOW, limit
    )


def disposals_at(connection: Connection, seq: int) -> list[StoredDisposal]:
    """Returns all disposals as of a commit."""
    return _disposals(connection, [DISPOSAL_FILTER.where(EVERYTHING), DisposalRow.opened_seq <= seq], seq, None)


def has_open_disposal(connection: Connection, loan_key: int) -> bool:
    """Returns whether a loan has a disposal that is not closed."""
    found = select(DisposalRow.disposal_key).where(DisposalRow.loan_key == loan_key, int(DisposalState.CLOSED) > _STATE)
    return connection.execute(found.limit(1), {"as_of_seq": NOW}).first() is not None


def _disposals(
    connection: Connection, where: Sequence[ColumnElement[bool]], seq: int, limit: int | None
) -> list[StoredDisposal]:
    statement = (
        select(DisposalRow.disposal_key, DisposalRow.loan_key, LoanRow.borrower, LoanRow.currency, DisposalRow.document)
        .join(LoanRow, LoanRow.loan_key == DisposalRow.loan_key)
        .where(*where)
        .order_by(col(DisposalRow.disposal_key).desc())
        .limit(limit)
    )
    rows = connection.execute(statement, {"as_of_seq": seq}).all()
    steps = _steps(connection, [row.disposal_key for row in rows], seq)
    return [
        StoredDisposal(
            row.disposal_key,
            row.loan_key,
            row.borrower,
            row.currency,
            from_document(Disposal, row.document),
            steps[row.disposal_key],
        )
        for row in rows
    ]


def _steps(connection: Connection, keys: Sequence[int], seq: int) -> dict[int, list[StoredEntry]]:
    statement = (
        select(DisposalEntryRow.__table__, CommitRow.known_us)
        .join(CommitRow, CommitRow.seq == DisposalEntryRow.seq)
        .where(is_one_of(DisposalEntryRow.disposal_key, keys), DisposalEntryRow.seq <= seq)
        .order_by(DisposalEntryRow.disposal_key, DisposalEntryRow.number)
    )
    found: dict[int, list[StoredEntry]] = {}
    for row in connection.execute(statement):
        entry = Entry(
            row.number,
            DisposalStep(row.step),
            DisposalState(row.state),
            row.actor,
            row.note,
            from_document(EntryDetails, row.document),
        )
        found.setdefault(row.disposal_key, []).append(StoredEntry(entry, row.seq, row.known_us))
    return found
