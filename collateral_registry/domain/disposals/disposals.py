"""The steps of a disposal, and what is recorded of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum

from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput

REFERENCE_DAYS = (0, 20, 60, 250)
"""Working days before the default at whose ends recorded values are frozen."""


class DisposalState(IntEnum):
    """State of a disposal; the numeric values are stored and sent."""

    OPENED = 1
    CLAIM = 2
    COLLECTING = 3
    CLOSED = 4


class DisposalStep(IntEnum):
    """A step of a disposal; the numeric values are stored and sent."""

    OPEN = 1
    CLAIM = 2
    PROCEEDS = 3
    CLOSE = 4


class DisposalCause(IntEnum):
    """Cause of a default; the numeric values are stored and sent."""

    PAYMENT = 1
    BREACH = 2
    INSOLVENCY = 3
    COVENANT = 4
    FRAUD = 5
    OTHER = 6


class RealisationMethod(IntEnum):
    """How proceeds were made; the numeric values are stored and sent."""

    COLLECTION = 1
    AUCTION = 2
    PRIVATE_SALE = 3
    SET_OFF = 4
    PROTECTION_PAYOUT = 5
    REFUND = 6


class ReferenceState(IntEnum):
    """State of a recorded valuation; the numeric values are stored and sent. NONE means that none was recorded."""

    NONE = 0
    KNOWN = 1
    UNKNOWN = 2
    ZERO = 3


@dataclass(frozen=True)
class ReferenceValue:
    """A recorded valuation as of the end of a day, in minor units; ``seq`` is 0 if none was recorded by then.

    Shares are None where the valuation has none.
    """

    days_before: int
    day: date
    seq: int = 0
    valued: date | None = None
    state: ReferenceState = ReferenceState.NONE
    market_minor: int = 0
    lendable_minor: int = 0
    haircut: float | None = None
    value_haircut: float | None = None
    market_haircut: float | None = None
    liquidity_haircut: float | None = None
    cost_haircut: float | None = None
    legal_haircut: float | None = None
    model: int = 0
    haircut_model: str = ""
    policy_id: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the value was known, which a stated zero is."""
        return self.state in {ReferenceState.KNOWN, ReferenceState.ZERO}


@dataclass(frozen=True)
class DisposalItem:
    """An asset to sell, with what was estimated; the first reference is that of the day of the default."""

    asset_id: str
    asset_class: str
    references: Sequence[ReferenceValue]
    liquidation_days: int | None
    confidence: Decimal | None

    @property
    def at_default(self) -> ReferenceValue:
        """The value at the default."""
        return self.references[0]


@dataclass(frozen=True)
class Expected:
    """What is still expected, less costs, in minor units, and the day on which it is expected."""

    minor: int
    day: date


@dataclass(frozen=True)
class Disposal:
    """A disposal as it was opened; the exposure is that at the default, in minor units."""

    disposal_id: str
    loan_id: str
    breach_number: int
    default: date
    cause: DisposalCause
    exposure_minor: int
    discount_rate: Decimal
    items: Sequence[DisposalItem]

    @property
    def name(self) -> str:
        """The resource name."""
        return f"loans/{self.loan_id}/disposals/{self.disposal_id}"

    def item_of(self, asset_id: str) -> DisposalItem:
        """Returns the item of an asset; raises InvalidInput if it is not part of the disposal."""
        found = next((item for item in self.items if item.asset_id == asset_id), None)
        if found is None:
            wanted = ", ".join(f"assets/{item.asset_id}" for item in self.items[:10])
            raise InvalidInput("proceeds.asset", f"assets/{asset_id}", f"an asset of {self.name}: {wanted}")
        return found


@dataclass(frozen=True)
class Proceeds:
    """Proceeds in minor units; ``loan_minor`` is the part for the loan, and ``corrects`` the number of a replaced row.

    Without an asset they are a protection payout.
    """

    asset_id: str
    invoice_number: str
    method: RealisationMethod
    amount_minor: int
    cost_minor: int
    loan_minor: int
    day: date
    buyer: str
    buyer_related: bool
    finishes_asset: bool
    corrects: int

    def __post_init__(self) -> None:
        """Raises InvalidInput unless the fields agree."""
        checked_text("proceeds.invoice_number", self.invoice_number, required=False)
        checked_text("proceeds.buyer", self.buyer, required=False)
        if self.loan_minor > self.amount_minor:
            raise InvalidInput("proceeds.loan_amount", "a larger amount", "at most proceeds.amount")
        if not self.asset_id and self.method != RealisationMethod.PROTECTION_PAYOUT:
            raise InvalidInput("proceeds.asset", "nothing", f"the asset, because the method is {self.method.name}")
        if self.finishes_asset and not self.asset_id:
            raise InvalidInput("proceeds.finishes_asset", "true", "false without an asset")

    @property
    def is_of_collateral(self) -> bool:
        """Whether the collateral brought them."""
        return self.method != RealisationMethod.PROTECTION_PAYOUT


@dataclass(frozen=True)
class Claim:
    """A claim in court or against an insurer or guarantor, in minor units."""

    addressee: str
    amount_minor: int

    def __post_init__(self) -> None:
        """Validates the addressee; raises InvalidInput."""
        checked_text("addressee", self.addressee)


@dataclass(frozen=True)
class EntryDetails:
    """What a step states: its day, and its proceeds, claim or expectation."""

    day: date
    proceeds: Proceeds | None = None
    claim: Claim | None = None
    expected: Expected | None = None


@dataclass(frozen=True)
class Entry:
    """A step that was taken, in the order of their numbers from 1."""

    number: int
    step: DisposalStep
    state: DisposalState
    actor: str
    note: str
    details: EntryDetails


_AFTER = {
    DisposalStep.CLAIM: DisposalState.CLAIM,
    DisposalStep.PROCEEDS: DisposalState.COLLECTING,
    DisposalStep.CLOSE: DisposalState.CLOSED,
}


def next_steps(state: DisposalState) -> Sequence[DisposalStep]:
    """Returns the steps that a state allows."""
    return () if state is DisposalState.CLOSED else (DisposalStep.CLAIM, DisposalStep.PROCEEDS, DisposalStep.CLOSE)


def state_after(name: str, state: DisposalState, step: DisposalStep) -> DisposalState:
    """Returns the state after a step; raises Refused if the state does not allow it."""
    allowed = next_steps(state)
    if step not in allowed:
        names = ", ".join(one.name for one in allowed) or "none"
        message = f"{name} is {state.name}: got the step {step.name}, allowed are {names}"
        raise Refused("DISPOSAL_STEP", message, step=step.name, next_steps=names)
    return max(state, _AFTER[step])
