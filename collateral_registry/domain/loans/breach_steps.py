"""The steps that people take on a breach: which are allowed when, and what each of them states (rules.md section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum

from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.errors import Refused
from valuation.errors import InvalidInput

WAIVER_DAYS_LIMIT = 92
"""Most days from the business date to the last day of a waiver."""


class BreachStep(IntEnum):
    """A step on a breach; the numeric values are sent."""

    ACKNOWLEDGE = 1
    NOTE = 2
    DISPUTE = 3
    SETTLE_DISPUTE = 4
    GRANT_GRACE = 5
    WAIVE = 6
    RECORD_CURE = 7
    ESCALATE = 8


class WaiverReason(IntEnum):
    """Reason of a waiver; the numeric values are stored and sent."""

    PAYMENT_IN_TRANSIT = 1
    COLLATERAL_IN_REGISTRATION = 2
    BRIDGE_FINANCING = 3
    RESTRUCTURING = 4
    PRICE_UNDER_REVIEW = 5
    OTHER = 6


class DisputeOutcome(IntEnum):
    """How a dispute ended; the numeric values are stored and sent."""

    UPHELD = 1
    REJECTED = 2
    WITHDRAWN = 3


class CureStatus(IntEnum):
    """Whether a cure is promised or received; the numeric values are stored and sent."""

    PROMISED = 1
    RECEIVED = 2


class CureVerdict(IntEnum):
    """Whether a cure would cure the breach; the numeric values are stored and sent."""

    SUFFICIENT = 1
    INSUFFICIENT = 2
    UNKNOWN = 3


@dataclass(frozen=True)
class Waiver:
    """The reason of a waiver and its last day."""

    reason: WaiverReason
    expire: date

    def check_on(self, day: date) -> None:
        """Raises InvalidInput unless the last day is within the limit from a business date."""
        last = day + timedelta(days=WAIVER_DAYS_LIMIT)
        if not day <= self.expire <= last:
            raise InvalidInput("expire_date", self.expire, f"{day}, the business date, to {last}")


@dataclass(frozen=True)
class Cure:
    """Cash in minor units, or an asset with the lendable value that its pledge would claim, and the result of its test.

    ``cash_minor`` is 0 if ``asset_id`` is given. The remaining amounts are those that would still be needed.
    """

    status: CureStatus
    cash_minor: int
    asset_id: str
    lendable_minor: int
    verdict: CureVerdict
    remaining_cash_minor: int
    remaining_collateral_minor: int


@dataclass(frozen=True)
class StepDetails:
    """What a step states in addition to its actor and note."""

    waiver: Waiver | None = None
    outcome: DisputeOutcome | None = None
    cure: Cure | None = None


@dataclass(frozen=True)
class Standing:
    """What decides the steps of a breach."""

    is_open: bool
    level: Level
    acknowledged: bool
    disputed: bool
    waived: bool
    in_disposal: bool
    has_deadline: bool

    @property
    def next_steps(self) -> Sequence[BreachStep]:
        """The steps that are allowed, in the order in which they are offered."""
        if not self.is_open:
            return ()
        may_be_sold = self.acknowledged and not self.disputed and not self.waived and self.level >= Level.STOP_DRAW
        allowed = {
            BreachStep.ACKNOWLEDGE: not self.acknowledged,
            BreachStep.NOTE: True,
            BreachStep.DISPUTE: not self.disputed,
            BreachStep.SETTLE_DISPUTE: self.disputed,
            BreachStep.GRANT_GRACE: self.has_deadline and not self.in_disposal,
            BreachStep.WAIVE: not self.waived and not self.in_disposal,
            BreachStep.RECORD_CURE: True,
            BreachStep.ESCALATE: may_be_sold and not self.in_disposal,
        }
        return tuple(step for step, is_allowed in allowed.items() if is_allowed)

    def check(self, name: str, step: BreachStep) -> None:
        """Raises Refused unless a step on the breach with this name is allowed."""
        if step in self.next_steps:
            return
        facts = ("acknowledged", "disputed", "waived", "in_disposal")
        state = ", ".join(one.replace("_", " ") for one in facts if getattr(self, one)) or "not acknowledged"
        allowed = ", ".join(one.name for one in self.next_steps)
        raise Refused(
            "BREACH_STEP",
            f"{name} is at {self.level.name} and {state}: got the step {step.name}, want one of {allowed}",
            step=step.name,
            next_steps=allowed,
        )
