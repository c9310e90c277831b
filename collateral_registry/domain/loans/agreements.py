"""Loans and pledges, as frozen types that validate their fields when they are built."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import IntEnum
from functools import partial
from itertools import pairwise

from collateral_registry.domain.borrowing_base.terms import MARGIN_CALL_PPM, BorrowingBaseTerms
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.shared.money import Money, digits_of
from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput, check_all
from valuation.money import AMOUNT_LIMIT_MINOR, PPM

LTV_LIMIT_PPM = 10 * PPM
"""Largest LTV limit. It allows an exposure of ten times the collateral value."""


LEVELS_ORDER = "watch < margin_call < stop_draw < liquidation"
"""The order of the LTV limits, as error messages state it."""


class LoanState(IntEnum):
    """Whether a loan is running; the numeric values are stored."""

    ACTIVE = 1
    CLOSED = 2


class PledgeState(IntEnum):
    """Whether a pledge is active; the numeric values are stored."""

    ACTIVE = 1
    RELEASED = 2


class PledgeMode(IntEnum):
    """When goods may leave a pledge; the numeric values are stored and sent."""

    STATIC = 1
    """Goods may leave only in proportion to repayment."""
    DYNAMIC = 2
    """Goods may be exchanged freely above the floor that covers the loan."""


def ppm_of(field: str, ratio: Decimal, high: int, low: int = 1) -> int:
    """Converts a ratio to millionths.

    Raises InvalidInput if the ratio is below ``low`` or above ``high`` millionths, or has more than six decimals.
    """
    if not ratio.is_finite():
        raise InvalidInput(field, ratio, "a finite number")
    scaled = ratio * PPM
    if scaled != scaled.to_integral_value():
        raise InvalidInput(field, ratio, "at most 6 decimals")
    if not low <= scaled <= high:
        least = f"{low / PPM:g} to" if low != 1 else "more than 0 and at most"
        raise InvalidInput(field, ratio, f"{least} {high / PPM:g}")
    return int(scaled)


@dataclass(frozen=True)
class LtvLimits:
    """The LTV limits of a loan in millionths, strictly increasing."""

    watch_ppm: int
    margin_call_ppm: int
    stop_draw_ppm: int
    liquidation_ppm: int

    def __post_init__(self) -> None:
        """Raises InvalidInput unless the limits are positive and strictly increasing."""
        steps = self.as_tuple()
        if any(low >= high for low, high in pairwise(steps)) or steps[0] <= 0:
            got = ", ".join(f"{step / PPM:g}" for step in steps)
            raise InvalidInput("ltv_levels", got, LEVELS_ORDER)

    def as_tuple(self) -> tuple[int, int, int, int]:
        """Returns the four limits in rising order."""
        return (self.watch_ppm, self.margin_call_ppm, self.stop_draw_ppm, self.liquidation_ppm)

    def check_above(self, buffer_ppm: int) -> None:
        """Raises InvalidInput if a limit is at or below the buffer, so that a loan could never leave its level."""
        if self.watch_ppm <= buffer_ppm:
            raise InvalidInput(
                "ltv_levels.watch", f"{self.watch_ppm / PPM:g}", f"more than the buffer {buffer_ppm / PPM:g}"
            )


@dataclass(frozen=True)
class OwnLimits:
    """The LTV limits that a loan states itself, in millionths; the policy's limit applies where one is None."""

    watch_ppm: int | None = None
    margin_call_ppm: int | None = None
    stop_draw_ppm: int | None = None
    liquidation_ppm: int | None = None

    def as_tuple(self) -> tuple[int | None, int | None, int | None, int | None]:
        """Returns the four limits in rising order."""
        return (self.watch_ppm, self.margin_call_ppm, self.stop_draw_ppm, self.liquidation_ppm)

    def completed(self, policy: LtvLimits, buffer_ppm: int) -> LtvLimits:
        """Returns the limits that apply under a policy.

        Raises InvalidInput unless they are strictly increasing and above the buffer of the policy.
        """
        own = self.as_tuple()
        limits = [other if one is None else one for one, other in zip(own, policy.as_tuple(), strict=True)]
        if any(low >= high for low, high in pairwise(limits)):
            got = ", ".join(
                f"{limit / PPM:g}{' (policy)' if one is None else ''}" for limit, one in zip(limits, own, strict=True)
            )
            raise InvalidInput("ltv_levels", got, LEVELS_ORDER)
        completed = LtvLimits(*limits)
        completed.check_above(buffer_ppm)
        return completed


@dataclass(frozen=True)
class Balance:
    """The amounts owed on a loan on one day, and contingent ones: letters of credit and guarantees issued."""

    principal: Money
    accrued_interest: Money
    fees: Money
    day: date
    contingent: Money | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput for mixed currencies and for a sum of 2^53 minor units or more."""
        check_all(*(partial(self._check_currency, name) for name in ("accrued_interest", "fees", "contingent")))
        total = self.exposure_minor + self.contingent_minor
        if total >= AMOUNT_LIMIT_MINOR:
            want = "a principal that makes a sum of less than 2^53 minor units with the other amounts"
            raise InvalidInput("principal", total, want)

    def _check_currency(self, name: str) -> None:
        amount = getattr(self, name)
        if amount is not None and amount.currency != self.principal.currency:
            raise InvalidInput(name, amount.currency, f"the currency of the principal, {self.principal.currency}")

    @property
    def exposure_minor(self) -> int:
        """Sum of principal, interest and fees in minor units."""
        return self.principal.minor + self.accrued_interest.minor + self.fees.minor

    @property
    def contingent_minor(self) -> int:
        """Contingent amounts in minor units."""
        return self.contingent.minor if self.contingent else 0


@dataclass(frozen=True)
class Loan:
    """A loan: its balance and its terms."""

    loan_id: str
    borrower: str
    currency: str
    balance: Balance
    credit_limit: Money | None = None
    ltv_basis: LtvBasis | None = None
    ltv_limits: OwnLimits | None = None
    maturity: date | None = None
    state: LoanState = LoanState.ACTIVE
    base_terms: BorrowingBaseTerms | None = None

    def __post_init__(self) -> None:
        """Validates every field, and that the amounts are in the loan's currency; raises InvalidInput."""
        of_base = self.base_terms.amounts_of_money if self.base_terms else ()
        check_all(
            lambda: checked_text("borrower", self.borrower),
            lambda: digits_of(self.currency),
            lambda: check_loan_currency("principal", self.balance.principal, self.currency),
            lambda: check_loan_currency("credit_limit", self.credit_limit, self.currency),
            *(partial(check_loan_currency, field, amount, self.currency) for field, amount in of_base),
            self._check_basis,
        )

    def _check_basis(self) -> None:
        if self.base_terms is not None and self.ltv_basis == LtvBasis.MARKET:
            raise InvalidInput("ltv_basis", "LTV_BASIS_MARKET", "LTV_BASIS_LENDABLE, the basis of a borrowing base")

    @property
    def own_basis(self) -> LtvBasis | None:
        """The LTV basis of the loan; None if it is that of the policy. A borrowing base is of lendable values."""
        return LtvBasis.LENDABLE if self.base_terms is not None else self.ltv_basis

    @property
    def own_limits(self) -> OwnLimits | None:
        """The LTV limits of the loan; the policy's limit applies where one is None, and where there are none at all.

        A loan with a borrowing base may be drawn to the last minor unit of it, unless it states a margin call.
        """
        limits = self.ltv_limits or OwnLimits()
        if self.base_terms is None or limits.margin_call_ppm is not None:
            return self.ltv_limits
        return replace(limits, margin_call_ppm=MARGIN_CALL_PPM)


def check_loan_currency(field: str, amount: Money | None, currency: str) -> None:
    """Raises InvalidInput if an amount is in a currency other than the loan's."""
    if amount is not None and amount.currency != currency:
        raise InvalidInput(field, amount.currency, f"the loan's currency {currency}")


RANK_LIMIT = 100


def check_rank(rank: int) -> int:
    """Returns the rank of a pledge; raises InvalidInput if it is out of range."""
    if not 1 <= rank <= RANK_LIMIT:
        raise InvalidInput("rank", rank, f"1 to {RANK_LIMIT}")
    return rank


@dataclass(frozen=True)
class Pledge:
    """A pledge of an asset to a loan."""

    pledge_id: str
    loan_id: str
    asset_id: str
    rank: int = 1
    share_ppm: int = PPM
    limit: Money | None = None
    registry: str = ""
    registration_number: str = ""
    registered: date | None = None
    registration_expire: date | None = None
    state: PledgeState = PledgeState.ACTIVE
    mode: PledgeMode = PledgeMode.DYNAMIC

    @property
    def is_registered(self) -> bool:
        """Whether registry and registration number are stated; a date or an expiry alone is no registration."""
        return bool(self.registry.strip() and self.registration_number.strip())

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        check_all(
            lambda: check_rank(self.rank),
            self._check_share,
            lambda: checked_text("registry", self.registry, required=False),
            lambda: checked_text("registration_number", self.registration_number, required=False),
            self._check_registration,
        )

    def _check_share(self) -> None:
        if not 0 < self.share_ppm <= PPM:
            raise InvalidInput("share", self.share_ppm / PPM, "more than 0 and at most 1")

    def _check_registration(self) -> None:
        if self.registered and self.registration_expire and self.registration_expire < self.registered:
            raise InvalidInput(
                "registration_expire_date",
                self.registration_expire,
                f"not before the registration on {self.registered}",
            )
