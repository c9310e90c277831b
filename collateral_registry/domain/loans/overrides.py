"""Overrides: dispositions that the lender permits deliberately, even if they leave a loan uncovered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import IntEnum

from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.access.two_persons import check_second_person
from collateral_registry.domain.loans.agreements import Pledge
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.names import checked_text


class OverrideState(IntEnum):
    """State of an override; the numeric values are stored and sent."""

    PROPOSED = 1
    APPROVED = 2
    REJECTED = 3


@dataclass(frozen=True)
class ReleaseTerms:
    """Terms of a release: a share in millionths or a quantity of the lot. If neither is given, all is released."""

    pledge_id: str
    share_ppm: int | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True)
class PledgeTerms:
    """New terms of a pledge, and its revision when they were proposed."""

    pledge: Pledge
    revision: int


@dataclass(frozen=True)
class PickupTerms:
    """A pick-up of a quantity in the unit of the lot.

    Without an expiry it is valid for the usual number of days after the approval.
    """

    pickup_id: str
    asset_id: str
    quantity: Decimal
    expire: date | None = None
    note: str = ""


@dataclass(frozen=True)
class Override:
    """A disposition with the reason for it, and the people who proposed and decided it with their principals.

    The principals are empty in overrides of releases that did not identify callers.
    """

    override_id: str
    loan_id: str
    disposition: ReleaseTerms | PledgeTerms | PickupTerms
    reason: str
    proposed_by: str
    state: OverrideState = OverrideState.PROPOSED
    decided_by: str = ""
    decision_note: str = ""
    proposing_principal: str = ""
    deciding_principal: str = ""

    def __post_init__(self) -> None:
        """Validates the strings; raises InvalidInput."""
        checked_text("override.reason", self.reason)
        checked_text("actor", self.proposed_by)

    @property
    def name(self) -> str:
        """Resource name of the override."""
        return f"loans/{self.loan_id}/overrides/{self.override_id}"

    def decided(self, state: OverrideState, author: Author, note: str) -> Override:
        """Returns the override with a decision.

        Raises Refused if it is already decided, or if the proposer approves it, because an exception needs two people.
        """
        if self.state != OverrideState.PROPOSED:
            raise Refused("OVERRIDE_DECIDED", f"{self.name} is {self.state.name} already: propose another override")
        if state == OverrideState.APPROVED:
            proposer = Author(self.proposing_principal, self.proposed_by)
            check_second_person(proposer, author, "OVERRIDE_OWN_PROPOSAL", "proposer")
        return replace(
            self,
            state=state,
            decided_by=author.actor,
            deciding_principal=author.principal,
            decision_note=checked_text("note", note, required=False),
        )
