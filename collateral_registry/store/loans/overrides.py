"""Stores overrides of loans, which are proposed and then either approved or rejected once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, insert, select, update

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Id, Time, enum
from collateral_registry.domain.loans.overrides import Override, OverrideState
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.rows import check_unused, existing, values_of
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import LoanRow, OverrideRow

_PROPOSAL, _DECISION = CommitRow.__table__.alias("proposal"), CommitRow.__table__.alias("decision")

OVERRIDE_FILTER = FilterTable(
    loan=FilterField(Id("loans"), LoanRow.loan_id),
    state=FilterField(enum(OverrideState, "OVERRIDE_STATE_"), OverrideRow.state),
    propose_time=FilterField(Time(), _PROPOSAL.c.known_us),
    decide_time=nullable(Time(), _DECISION.c.known_us),
)
"""Fields that a list of overrides can be filtered by."""

UNDECIDED = 0
"""Sequence of the decision of an override that is still proposed."""


@dataclass(frozen=True)
class StoredOverride:
    """An override with its keys and times, in microseconds UTC; ``decided_us`` is None while it is proposed."""

    key: int
    loan_key: int
    override: Override
    proposed_us: int
    decided_us: int | None


def insert_override(write: Write, override: Override, loan_key: int) -> None:
    """Records a proposal; raises AlreadyExists if the loan has an override with that id."""
    own = (OverrideRow.loan_key == loan_key, OverrideRow.override_id == override.override_id)
    check_unused(write.connection, override.name, *own)
    values = {
        **values_of(override, "override_id", "state"),
        "loan_key": loan_key,
        "document": to_document(override),
        "proposed_seq": write.seq,
        "decided_seq": UNDECIDED,
    }
    write.connection.execute(insert(OverrideRow).values(**values))


def decide_override(write: Write, stored: StoredOverride, override: Override) -> None:
    """Records the decision on an override."""
    values = {"state": int(override.state), "document": to_document(override), "decided_seq": write.seq}
    write.connection.execute(update(OverrideRow).where(OverrideRow.override_key == stored.key).values(**values))


def get_override(connection: Connection, loan_id: str, override_id: str) -> StoredOverride:
    """Returns one override; raises NotFound."""
    rows = _overrides(connection, [LoanRow.loan_id == loan_id, OverrideRow.override_id == override_id], 1)
    return existing(rows, f"loans/{loan_id}/overrides/{override_id}")


def list_overrides(connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[StoredOverride]:
    """Returns a page of overrides, newest first."""
    return _overrides(connection, [OVERRIDE_FILTER.where(wanted), OverrideRow.override_key < before_key], limit)


def _overrides(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int) -> list[StoredOverride]:
    statement = (
        select(
            OverrideRow.override_key,
            OverrideRow.loan_key,
            OverrideRow.document,
            _PROPOSAL.c.known_us,
            _DECISION.c.known_us,
        )
        .join(LoanRow, LoanRow.loan_key == OverrideRow.loan_key)
        .join(_PROPOSAL, _PROPOSAL.c.seq == OverrideRow.proposed_seq)
        .outerjoin(_DECISION, _DECISION.c.seq == OverrideRow.decided_seq)
        .where(*where)
        .order_by(OverrideRow.override_key.desc())
        .limit(limit)
    )
    rows = connection.execute(statement)
    return [
        StoredOverride(key, loan_key, from_document(Override, text), *times) for key, loan_key, text, *times in rows
    ]
