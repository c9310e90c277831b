"""Proposes, approves and rejects overrides, the exceptions to the rule that dispositions never uncover a loan."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from collateral_registry.commands.loans.dispositions import Disposition, apply_unchecked
from collateral_registry.commands.loans.pickups import PickupRequest, pickup_disposition
from collateral_registry.commands.loans.pledges import ReleaseRequest, active_pledge, pledge_change, pledge_release
from collateral_registry.domain.loans.overrides import Override, OverrideState, PickupTerms, PledgeTerms, ReleaseTerms
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.overrides import StoredOverride, decide_override, get_override, insert_override
from collateral_registry.store.loans.repository import get_loan


def propose_override(write: Write, override: Override) -> StoredOverride:
    """Records a proposal, which changes nothing about the loan.

    Raises NotFound, InvalidInput or Refused for a disposition that would be invalid even if it were approved.
    """
    loan = get_loan(write.connection, override.loan_id)
    _disposition(write, override)
    insert_override(write, replace(override, proposing_principal=write.author.principal), loan.key)
    return get_override(write.connection, override.loan_id, override.override_id)


def approve_override(write: Write, loan_id: str, override_id: str, note: str) -> StoredOverride:
    """Approves a proposal and makes its disposition. The loans that it concerns are judged in the same commit.

    Raises Refused for the proposer, for an override that is decided already, and for a pledge that has changed since
    the proposal.
    """
    stored = get_override(write.connection, loan_id, override_id)
    decide_override(write, stored, stored.override.decided(OverrideState.APPROVED, write.author, note))
    apply_unchecked(write, _disposition(write, stored.override))
    return get_override(write.connection, loan_id, override_id)


def reject_override(write: Write, loan_id: str, override_id: str, note: str) -> StoredOverride:
    """Rejects a proposal; raises Refused for an override that is decided already."""
    stored = get_override(write.connection, loan_id, override_id)
    decide_override(write, stored, stored.override.decided(OverrideState.REJECTED, write.author, note))
    return get_override(write.connection, loan_id, override_id)


def _disposition(write: Write, override: Override) -> Disposition[object]:
    """Returns the disposition of an override, built from the current facts."""
    terms, loan_id = override.disposition, override.loan_id
    match terms:
        case ReleaseTerms():
            stored = active_pledge(write, loan_id, terms.pledge_id, "")
            return pledge_release(write, stored, ReleaseRequest(terms.share_ppm, terms.quantity))
        case PledgeTerms():
            stored = active_pledge(write, loan_id, terms.pledge.pledge_id, str(terms.revision))
            return pledge_change(write, stored, replace(terms.pledge, state=stored.pledge.state))
        case PickupTerms():
            request = PickupRequest(loan_id, terms.asset_id, terms.pickup_id, terms.quantity, terms.expire, terms.note)
            return pickup_disposition(write, request)
        case _:
            assert_never(terms)
