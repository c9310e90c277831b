"""Proposals: requests that one person proposes and another approves, because they move risk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum

from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.access.two_persons import check_second_person
from collateral_registry.domain.loans.breach_steps import Waiver
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.names import checked_text

PROPOSAL_DAYS = 14
"""Days after the business date of a proposal within which it can be decided."""


class ProposalState(IntEnum):
    """State of a proposal; the numeric values are stored and sent. EXPIRED is never stored."""

    PENDING = 1
    APPROVED = 2
    REJECTED = 3
    EXPIRED = 4


@dataclass(frozen=True)
class PolicyActivation:
    """The activation of a policy."""

    policy_id: str


@dataclass(frozen=True)
class ModelActivation:
    """The activation of an equipment model for an asset class."""

    model_id: str
    asset_class: str


@dataclass(frozen=True)
class BreachWaiver:
    """The waiver of a breach, with the level of its loan when it was proposed."""

    loan_id: str
    breach_number: int
    note: str
    level: Level
    waiver: Waiver | None = None
    """None in proposals of releases without reasons and last days, which cannot be approved any more."""

    def waiver_on(self, day: date) -> Waiver:
        """Returns the waiver; raises Refused if it has no last day, or if that is before a business date."""
        name = f"loans/{self.loan_id}/breaches/{self.breach_number}"
        if self.waiver is None:
            message = f"the proposed waiver of {name} has no last day: propose it again with expire_date"
            raise Refused("PROPOSAL_OUTDATED", message)
        if self.waiver.expire < day:
            message = f"the last day of the proposed waiver of {name} was {self.waiver.expire}: propose it again"
            raise Refused("PROPOSAL_OUTDATED", message)
        return self.waiver

    def check_level(self, level: Level) -> None:
        """Raises Refused if the level is worse than at the proposal, because another breach was proposed to waive."""
        if level > self.level:
            raise Refused(
                "PROPOSAL_OUTDATED",
                f"loans/{self.loan_id}/breaches/{self.breach_number} was at {self.level.name} when its waiver was "
                f"proposed and is at {level.name} now: propose it again",
            )


@dataclass(frozen=True)
class DoublePledgeConfirmation:
    """The confirmation of a finding of a double pledge."""

    finding_key: int
    note: str


ProposedRequest = PolicyActivation | ModelActivation | BreachWaiver | DoublePledgeConfirmation
"""A request that two persons decide."""


@dataclass(frozen=True)
class Decision:
    """The approval or rejection of a proposal, with the person who decided and a note."""

    state: ProposalState
    decider: Author
    note: str

    def __post_init__(self) -> None:
        """Validates the note; raises InvalidInput."""
        checked_text("note", self.note, required=False)


@dataclass(frozen=True)
class Proposal:
    """A request with the reason for it, its last day, its proposer, and the decision on it."""

    request: ProposedRequest
    reason: str
    expire: date
    proposer: Author
    decision: Decision | None = None

    def __post_init__(self) -> None:
        """Validates the reason; raises InvalidInput."""
        checked_text("proposal.reason", self.reason)

    def state_on(self, day: date) -> ProposalState:
        """Returns the state on a business date."""
        if self.decision is not None:
            return self.decision.state
        return ProposalState.EXPIRED if day > self.expire else ProposalState.PENDING

    def decided(self, state: ProposalState, author: Author, note: str, day: date) -> Decision:
        """Returns the decision that a person makes on a business date.

        Raises Refused if it is already decided or expired, or if the proposer approves it.
        """
        now = self.state_on(day)
        if now != ProposalState.PENDING:
            raise Refused("PROPOSAL_DECIDED", f"the proposal is {now.name} already: propose its request again")
        if state == ProposalState.APPROVED:
            check_second_person(self.proposer, author, "PROPOSAL_OWN", "proposer")
        return Decision(state, author, note)


def proposed(request: ProposedRequest, reason: str, proposer: Author, day: date) -> Proposal:
    """Returns a proposal that is made on a business date."""
    return Proposal(request, reason, day + timedelta(days=PROPOSAL_DAYS), proposer)
