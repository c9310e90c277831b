"""Computes what may be owed under a loan: classes, sublimits, reserves, line, used, block (docs/receivables.md).

Amounts are whole minor units of the loan's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np

from valuation.errors import InvalidInput
from valuation.money import AMOUNT_LIMIT_MINOR, PPM
from valuation.receivables.concentration import ConcentrationMode, kept_by_share


class ReserveKind(IntEnum):
    """What a reserve is for; the numeric values are stored."""

    RENT = 1
    DILUTION = 2
    CREDIT_LAG = 3
    PRIORITY_PAYABLES = 4
    FREIGHT_CUSTOMS = 5
    FX = 6
    BANK_PRODUCTS = 7
    UNRECONCILED = 8
    ENVIRONMENT = 9
    OTHER = 10


@dataclass(frozen=True)
class ClassAmount:
    """The lendable claims of an asset class, with the most that it may add: an amount, and a share of the base."""

    name: str
    amount_minor: int
    limit_minor: int | None = None
    share_ppm: int = PPM

    def __post_init__(self) -> None:
        """Raises InvalidInput for a negative amount or limit, or a share outside 0 to 1."""
        _check_amount("amount_minor", self.amount_minor)
        _check_amount("limit_minor", self.limit_minor)
        _check_share("share_ppm", self.share_ppm)

    @property
    def within_limit(self) -> int:
        """The amount, at most the limit."""
        return self.amount_minor if self.limit_minor is None else min(self.amount_minor, self.limit_minor)


@dataclass(frozen=True)
class Reserve:
    """A deduction from the base, as an amount or as a rate of the base before reserves, on days from first to last."""

    kind: ReserveKind
    owner: str
    reason: str
    first_day: date
    last_day: date | None = None
    amount_minor: int | None = None
    rate_ppm: int | None = None
    reserve_id: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInput unless there is either an amount or a rate, and the days are in order."""
        if (self.amount_minor is None) == (self.rate_ppm is None):
            both = [self.amount_minor, self.rate_ppm]
            raise InvalidInput("deduction", both, "either an amount or a rate")
        _check_amount("amount_minor", self.amount_minor)
        _check_share("rate_ppm", self.rate_ppm)
        if self.last_day is not None and self.last_day < self.first_day:
            raise InvalidInput("last_date", self.last_day, f"{self.first_day}, the first_date, or later")

    @property
    def computed_from(self) -> str:
        """The owner of a reserve that is computed and not recorded, which is the name of its pool; else empty."""
        return "" if self.reserve_id else self.owner

    def is_in_force(self, day: date) -> bool:
        """Returns whether the reserve is deducted on a day; its last day is included."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)

    def deducted_from(self, base_minor: int) -> int:
        """Returns the deduction from a base before reserves, rounded up."""
        return _rounded_up(base_minor, self.rate_ppm) if self.amount_minor is None else self.amount_minor


def ledger_owner(asset_id: str) -> str:
    """Returns the owner of the reserve for the unreconciled amount of a pool's ledger."""
    return f"ledger of assets/{asset_id}"


def reserved_for_ledger(reserves: Iterable[Reserve], asset_id: str, day: date) -> int:
    """Returns what reserves deduct on a day for the unreconciled amount of a pool's ledger."""
    owner = ledger_owner(asset_id)
    own = (one for one in reserves if one.kind == ReserveKind.UNRECONCILED and one.owner == owner)
    return sum(one.amount_minor or 0 for one in own if one.is_in_force(day))


def check_owner(reserve: Reserve) -> None:
    """Raises InvalidInput for a reserve whose owner is that of the reserves which the service keeps for ledgers."""
    if reserve.kind == ReserveKind.UNRECONCILED and reserve.owner.startswith(ledger_owner("")):
        raise InvalidInput("owner", reserve.owner, "another owner: the gap of a ledger is reserved by the service")


@dataclass(frozen=True)
class BaseTerms:
    """The credit line of a loan, the amount that must remain undrawn, and the weight of contingent amounts."""

    line_minor: int | None = None
    block_minor: int = 0
    contingent_ppm: int = PPM

    def __post_init__(self) -> None:
        """Raises InvalidInput for a negative amount, or a weight outside 0 to 1."""
        _check_amount("line_minor", self.line_minor)
        _check_amount("block_minor", self.block_minor)
        _check_share("contingent_ppm", self.contingent_ppm)

    def within_line(self, base_minor: int) -> int:
        """Returns the lesser of a base and the line."""
        return base_minor if self.line_minor is None else min(base_minor, self.line_minor)

    def availability(self, base_minor: int, used_minor: int) -> int:
        """Returns what may still be drawn of a base; negative if more is used than may be."""
        return self.within_line(base_minor) - used_minor - self.block_minor


@dataclass(frozen=True)
class Owed:
    """The exposure of a loan, and what it may owe in addition: letters of credit and guarantees issued."""

    exposure_minor: int
    contingent_minor: int = 0

    def __post_init__(self) -> None:
        """Raises InvalidInput for a negative amount."""
        _check_amount("exposure_minor", self.exposure_minor)
        _check_amount("contingent_minor", self.contingent_minor)


class BaseStep(IntEnum):
    """A step from the classes to the availability; the numeric values are sent."""

    CLASS = 1
    SUBLIMIT = 2
    RESERVE = 3
    RESERVES_ABOVE_BASE = 4
    ABOVE_LINE = 5
    USED = 6
    BLOCK = 7


@dataclass(frozen=True)
class BaseLine:
    """One line of a borrowing base; a deduction is negative. The subject is an asset class or a kind of reserve."""

    step: BaseStep
    subject: str
    amount_minor: int


@dataclass(frozen=True)
class BorrowingBase:
    """A borrowing base with its steps: ``kept_minor`` is what the sublimits leave of each class."""

    classes: tuple[ClassAmount, ...]
    kept_minor: tuple[int, ...]
    deductions: tuple[tuple[Reserve, int], ...]
    terms: BaseTerms
    used_minor: int

    @property
    def before_reserves_minor(self) -> int:
        """The sum of the classes under their sublimits."""
        return sum(self.kept_minor)

    @property
    def reserves_minor(self) -> int:
        """The sum of the reserves, which may exceed the base before them."""
        return sum(amount for _, amount in self.deductions)

    @property
    def base_minor(self) -> int:
        """What may be owed, at least 0."""
        return max(self.before_reserves_minor - self.reserves_minor, 0)

    @property
    def available_line_minor(self) -> int:
        """The lesser of base and line."""
        return self.terms.within_line(self.base_minor)

    @property
    def availability_minor(self) -> int:
        """What may still be drawn; negative if more is used than may be."""
        return self.terms.availability(self.base_minor, self.used_minor)

    @property
    def over_advance_minor(self) -> int:
        """What is used above the base."""
        return max(self.used_minor - self.base_minor, 0)

    def lines(self) -> tuple[BaseLine, ...]:
        """Returns the steps from the classes to the availability, which is their sum."""
        cuts = [(one.name, kept - one.amount_minor) for one, kept in zip(self.classes, self.kept_minor, strict=True)]
        uncovered = self.base_minor - (self.before_reserves_minor - self.reserves_minor)
        above_line = self.available_line_minor - self.base_minor
        return (
            *(BaseLine(BaseStep.CLASS, one.name, one.amount_minor) for one in self.classes),
            *(BaseLine(BaseStep.SUBLIMIT, name, cut) for name, cut in cuts if cut),
            *(BaseLine(BaseStep.RESERVE, reserve.kind.name, -amount) for reserve, amount in self.deductions),
            *([BaseLine(BaseStep.RESERVES_ABOVE_BASE, "", uncovered)] if uncovered else []),
            *([BaseLine(BaseStep.ABOVE_LINE, "", above_line)] if above_line else []),
            BaseLine(BaseStep.USED, "", -self.used_minor),
            *([BaseLine(BaseStep.BLOCK, "", -self.terms.block_minor)] if self.terms.block_minor else []),
        )


def borrowing_base(
    classes: Sequence[ClassAmount], reserves: Sequence[Reserve], terms: BaseTerms, owed: Owed, day: date
) -> BorrowingBase:
    """Computes a borrowing base on a day.

    The base before reserves is the greatest whole amount of which no class exceeds its share.
    """
    kept = under_sublimits(classes)
    in_force = [reserve for reserve in reserves if reserve.is_in_force(day)]
    return BorrowingBase(
        tuple(classes),
        kept,
        tuple((reserve, reserve.deducted_from(sum(kept))) for reserve in in_force),
        terms,
        owed.exposure_minor + _rounded_up(owed.contingent_minor, terms.contingent_ppm),
    )


def under_sublimits(classes: Sequence[ClassAmount]) -> tuple[int, ...]:
    """Returns what the sublimits leave of each class; a share is of the sum of what they leave of all.

    Classes that sum to 2^53 minor units or more count less than that in all: no loan can owe as much.
    """
    within = _below_limit([one.within_limit for one in classes])
    if all(one.share_ppm == PPM for one in classes):
        return tuple(within)
    amounts = np.array(within, dtype=np.int64)
    shares = np.array([one.share_ppm for one in classes], dtype=np.int64)
    return tuple(kept_by_share(amounts, shares, ConcentrationMode.FIXED_POINT, 0).tolist())


def _below_limit(amounts: list[int]) -> list[int]:
    """Returns amounts that sum to less than 2^53, reduced in proportion if they sum to more."""
    total, most = sum(amounts), AMOUNT_LIMIT_MINOR - 1
    return amounts if total <= most else [amount * most // total for amount in amounts]


def _rounded_up(amount_minor: int, ppm: int | None) -> int:
    return -(-amount_minor * (ppm or 0) // PPM)


def _check_amount(field: str, amount_minor: int | None) -> None:
    if amount_minor is not None and amount_minor < 0:
        raise InvalidInput(field, amount_minor, "0 or more")


def _check_share(field: str, ppm: int | None) -> None:
    if ppm is not None and not 0 <= ppm <= PPM:
        raise InvalidInput(field, ppm, f"0 to {PPM}")
