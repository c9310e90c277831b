"""Stores proposals, which are proposed and then either approved or rejected once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, and_, bindparam, case, select, update

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Time, enum
from collateral_registry.domain.proposals.proposals import Decision, Proposal, ProposalState
from collateral_registry.domain.shared.days import date_at, day_of
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.rows import existing, insert_row
from collateral_registry.store.schema.book import CommitRow, ProposalRow

_PROPOSAL, _DECISION = CommitRow.__table__.alias("proposing"), CommitRow.__table__.alias("deciding")

_IS_EXPIRED = and_(
    ProposalRow.state == int(ProposalState.PENDING),
    ProposalRow.expire_day < bindparam("on_day", type_=BigInteger),
)

PROPOSAL_FILTER = FilterTable(
    state=FilterField(
        enum(ProposalState, "PROPOSAL_STATE_"),
        case((_IS_EXPIRED, int(ProposalState.EXPIRED)), else_=ProposalRow.state),
    ),
    expire_date=FilterField(Day(), ProposalRow.expire_day),
    propose_time=FilterField(Time(), _PROPOSAL.c.known_us),
    decide_time=nullable(Time(), _DECISION.c.known_us),
)
"""Fields that a list of proposals can be filtered by."""

UNDECIDED = 0
"""Sequence of the decision of a proposal that is not decided."""


@dataclass(frozen=True)
class StoredProposal:
    """A proposal with its key, its state on the business date, and its times in microseconds UTC.

    ``decided_us`` is None while it is not decided.
    """

    key: int
    proposal: Proposal
    state: ProposalState
    proposed_us: int
    decided_us: int | None


def insert_proposal(write: Write, proposal: Proposal) -> int:
    """Records a proposal and returns its key."""
    return insert_row(
        write.connection,
        ProposalRow,
        expire_day=day_of(proposal.expire),
        document=to_document(proposal),
        proposed_seq=write.seq,
        state=int(ProposalState.PENDING),
        decision="",
        decided_seq=UNDECIDED,
    )


def decide_proposal(write: Write, key: int, decision: Decision) -> None:
    """Records the decision on a proposal."""
    values = {"state": int(decision.state), "decision": to_document(decision), "decided_seq": write.seq}
    write.connection.execute(update(ProposalRow).where(ProposalRow.proposal_key == key).values(**values))


def get_proposal(connection: Connection, key: int) -> StoredProposal:
    """Returns one proposal; raises NotFound."""
    return existing(_proposals(connection, [ProposalRow.proposal_key == key], 1), f"proposals/{key}")


def list_proposals(connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[StoredProposal]:
    """Returns a page of proposals, newest first."""
    return _proposals(connection, [PROPOSAL_FILTER.where(wanted), ProposalRow.proposal_key < before_key], limit)


def _proposals(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int) -> list[StoredProposal]:
    _, today = newest_commit(connection)
    statement = (
        select(
            ProposalRow.proposal_key,
            ProposalRow.document,
            ProposalRow.decision,
            _PROPOSAL.c.known_us,
            _DECISION.c.known_us,
        )
        .join(_PROPOSAL, _PROPOSAL.c.seq == ProposalRow.proposed_seq)
        .outerjoin(_DECISION, _DECISION.c.seq == ProposalRow.decided_seq)
        .where(*where)
        .order_by(ProposalRow.proposal_key.desc())
        .limit(limit)
    )
    return [_stored(row, today) for row in connection.execute(statement, {"on_day": today})]


def _stored(row: Row[*tuple[Any, ...]], today: int) -> StoredProposal:
    key, document, decision, proposed_us, decided_us = row
    proposal = from_document(Proposal, document)
    if decision:
        proposal = replace(proposal, decision=from_document(Decision, decision))
    return StoredProposal(key, proposal, proposal.state_on(date_at(today)), proposed_us, decided_us)
