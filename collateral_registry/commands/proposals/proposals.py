"""Proposes requests that two persons decide, and carries them out when another person approves them."""

from __future__ import annotations

from typing import assert_never

from collateral_registry.commands.book.policies import activatable_policy, put_into_force
from collateral_registry.commands.equipment.models import activatable_model, activate
from collateral_registry.commands.findings.double_pledge import confirm_double_pledge, confirmable_asset
from collateral_registry.commands.reports.breach_steps import waivable_breach, waive
from collateral_registry.domain.loans.breach_steps import Waiver
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.proposals.proposals import (
    BreachWaiver,
    DoublePledgeConfirmation,
    ModelActivation,
    PolicyActivation,
    ProposalState,
    ProposedRequest,
    proposed,
)
from collateral_registry.domain.shared.days import date_at
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.proposals.repository import (
    StoredProposal,
    decide_proposal,
    get_proposal,
    insert_proposal,
)


def create_proposal(write: Write, request: ProposedRequest, reason: str) -> StoredProposal:
    """Records a proposal, which changes nothing else; ``check_request`` has checked its request."""
    proposal = proposed(request, reason, write.author, date_at(write.market_day))
    return get_proposal(write.connection, insert_proposal(write, proposal))


def approve_proposal(write: Write, key: int, note: str) -> StoredProposal:
    """Approves a proposal and carries out its request.

    Raises NotFound, Refused for the proposer and for a proposal that is decided or expired, and the errors of the
    request, which is checked again.
    """
    _decide(write, key, ProposalState.APPROVED, note)
    stored = get_proposal(write.connection, key)
    _carry_out(write, stored.proposal.request)
    return stored


def reject_proposal(write: Write, key: int, note: str) -> StoredProposal:
    """Rejects a proposal; raises NotFound, and Refused if it is decided or expired."""
    _decide(write, key, ProposalState.REJECTED, note)
    return get_proposal(write.connection, key)


def waiver_of(connection: Connection, loan_id: str, number: int, note: str, waiver: Waiver) -> BreachWaiver:
    """Returns the waiver of a breach at its present level; raises NotFound, and Refused if it may not be waived."""
    return BreachWaiver(loan_id, number, note, _level_of(connection, loan_id, number, waiver), waiver)


def check_request(connection: Connection, request: ProposedRequest) -> None:
    """Raises the errors with which a request would be refused if it were carried out now."""
    match request:
        case PolicyActivation():
            activatable_policy(connection, request.policy_id)
        case ModelActivation():
            activatable_model(connection, request.model_id, request.asset_class)
        case BreachWaiver():
            _, today = newest_commit(connection)
            waiver = request.waiver_on(date_at(today))
            request.check_level(_level_of(connection, request.loan_id, request.breach_number, waiver))
        case DoublePledgeConfirmation():
            confirmable_asset(connection, request.finding_key)
        case _:
            assert_never(request)


def _carry_out(write: Write, request: ProposedRequest) -> None:
    check_request(write.connection, request)
    match request:
        case PolicyActivation():
            put_into_force(write, request.policy_id)
        case ModelActivation():
            activate(write, request.model_id, request.asset_class)
        case BreachWaiver():
            waive(
                write,
                request.loan_id,
                request.breach_number,
                request.note,
                request.waiver_on(date_at(write.market_day)),
            )
        case DoublePledgeConfirmation():
            confirm_double_pledge(write, request.finding_key, request.note)
        case _:
            assert_never(request)


def _decide(write: Write, key: int, state: ProposalState, note: str) -> None:
    stored = get_proposal(write.connection, key)
    decide_proposal(write, key, stored.proposal.decided(state, write.author, note, date_at(write.market_day)))


def _level_of(connection: Connection, loan_id: str, number: int, waiver: Waiver) -> Level:
    return Level(waivable_breach(connection, loan_id, number, waiver).level_before)
