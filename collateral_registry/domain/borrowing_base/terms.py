"""Terms of a loan with a borrowing base, as frozen types that validate their fields when they are built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from collateral_registry.domain.assets.asset_kind import CLASS_ROOT
from collateral_registry.domain.borrowing_base.base import BaseTerms, ClassAmount
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput, check_all
from valuation.money import PPM

FIELD = "borrowing_base_terms"

SUBLIMITS_LIMIT = 100
"""Most sublimits of a loan."""

DRAW_BUFFER_LIMIT_PPM = PPM // 2
"""Largest draw buffer."""

MARGIN_CALL_PPM = PPM + 1
"""Margin call of a loan with a base that states none: more is used than the base, by a millionth of it."""


@dataclass(frozen=True)
class Sublimit:
    """The most that an asset class and its subclasses may add to the base: an amount, a share of the base, or both."""

    asset_class: str
    amount: Money | None = None
    share_ppm: int | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput for a class of no kind of asset, or without an amount and a share."""
        check_all(self._check_class, self._check_most)

    def _check_class(self) -> None:
        checked_text("asset_class", self.asset_class)
        if self.asset_class.partition(".")[0] not in CLASS_ROOT.values():
            want = ", ".join(CLASS_ROOT.values()) + " or one of their subclasses"
            raise InvalidInput("asset_class", repr(self.asset_class[:80]), want)

    def _check_most(self) -> None:
        if self.amount is None and self.share_ppm is None:
            raise InvalidInput("amount", "nothing", "an amount, a share or both")
        if self.share_ppm is not None and not 0 <= self.share_ppm <= PPM:
            raise InvalidInput("share", self.share_ppm / PPM, "0 to 1")

    def contains(self, asset_class: str) -> bool:
        """Returns whether a class is the one of the sublimit or a subclass of it."""
        return asset_class == self.asset_class or asset_class.startswith(self.asset_class + ".")


@dataclass(frozen=True)
class OverAdvance:
    """An amount above the base that the lender permits to be drawn on days from first to last, and who approved it."""

    amount: Money
    first_day: date
    last_day: date
    approver: str

    def __post_init__(self) -> None:
        """Raises InvalidInput without an approver, or for days out of order."""
        check_all(lambda: checked_text("approver", self.approver), self._check_days)

    def _check_days(self) -> None:
        if self.last_day < self.first_day:
            raise InvalidInput("last_date", self.last_day, f"{self.first_day}, the first_date, or later")

    def is_in_force(self, day: date) -> bool:
        """Returns whether the amount may be drawn on a day."""
        return self.first_day <= day <= self.last_day


@dataclass(frozen=True)
class BorrowingBaseTerms:
    """The terms of a loan that may owe at most its borrowing base.

    ``contingent_ppm`` is the weight of contingent amounts in the used amount, and ``draw_buffer_ppm`` the share of the
    base that a draw must leave. A permitted over-advance enlarges draws; it does not change the level of the loan.
    """

    block: Money | None = None
    contingent_ppm: int = PPM
    sublimits: tuple[Sublimit, ...] = ()
    over_advance: OverAdvance | None = None
    draw_buffer_ppm: int = 0

    def __post_init__(self) -> None:
        """Raises InvalidInput for a ratio outside its range, or for sublimits of which one contains another."""
        check_all(
            lambda: _check_range("contingent_weight", self.contingent_ppm, PPM),
            lambda: _check_range("draw_buffer", self.draw_buffer_ppm, DRAW_BUFFER_LIMIT_PPM),
            self._check_sublimits,
        )

    def _check_sublimits(self) -> None:
        if len(self.sublimits) > SUBLIMITS_LIMIT:
            raise InvalidInput("sublimits", len(self.sublimits), f"at most {SUBLIMITS_LIMIT}")
        for one, other in combinations(self.sublimits, 2):
            if one.contains(other.asset_class) or other.contains(one.asset_class):
                raise InvalidInput("sublimits", other.asset_class, f"a class apart from {one.asset_class}")

    def class_of(self, asset_class: str) -> str:
        """Returns the class of the base to which an asset belongs: that of its sublimit, else the root of its class."""
        root = asset_class.partition(".")[0]
        return next((one.asset_class for one in self.sublimits if one.contains(asset_class)), root)

    def amounts(self, asset_classes: Sequence[str], claims_minor: Sequence[int]) -> tuple[ClassAmount, ...]:
        """Returns the classes of the base in alphabetical order, from the classes of assets and their claims."""
        sums = {one.asset_class: 0 for one in self.sublimits}
        for asset_class, claim in zip(asset_classes, claims_minor, strict=True):
            name = self.class_of(asset_class)
            sums[name] = sums.get(name, 0) + claim
        limits = {one.asset_class: one for one in self.sublimits}
        return tuple(_class_amount(name, sums[name], limits.get(name)) for name in sorted(sums))

    def base_terms(self, line: Money | None) -> BaseTerms:
        """Returns the terms that enter the arithmetic of the base, with the credit line of the loan."""
        return BaseTerms(line.minor if line else None, self.block.minor if self.block else 0, self.contingent_ppm)

    def over_advance_minor(self, day: date) -> int:
        """Returns the over-advance that may be drawn on a day."""
        permitted = self.over_advance
        return permitted.amount.minor if permitted is not None and permitted.is_in_force(day) else 0

    @property
    def amounts_of_money(self) -> tuple[tuple[str, Money | None], ...]:
        """Every amount with its field, which must be in the currency of the loan."""
        permitted = self.over_advance
        return (
            (f"{FIELD}.block", self.block),
            (f"{FIELD}.permitted_over_advance.amount", permitted.amount if permitted else None),
            *((f"{FIELD}.sublimits[{at}].amount", one.amount) for at, one in enumerate(self.sublimits)),
        )


def _class_amount(name: str, amount_minor: int, sublimit: Sublimit | None) -> ClassAmount:
    if sublimit is None:
        return ClassAmount(name, amount_minor)
    share = PPM if sublimit.share_ppm is None else sublimit.share_ppm
    return ClassAmount(name, amount_minor, sublimit.amount.minor if sublimit.amount else None, share)


def _check_range(field: str, ppm: int, most: int) -> None:
    if not 0 <= ppm <= most:
        raise InvalidInput(field, ppm / PPM, f"0 to {most / PPM:g}")
