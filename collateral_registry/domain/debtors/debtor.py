"""A debtor: who owes invoices, with its group, its credit and the lender's line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from collateral_registry.domain.debtors.identifiers import WORDS, Identifier, IdentifierScheme
from collateral_registry.domain.shared.countries import checked_country
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput, check_all
from valuation.money import PPM

ALIASES_LIMIT = 50
IDENTIFIERS_LIMIT = 50
TERMS_LIMIT_DAYS = 3_650
ISSUED_ONCE = (IdentifierScheme.LEI, IdentifierScheme.UNIFIED_SOCIAL_CREDIT_CODE)
"""Schemes of which a firm has one identifier. It has a VAT number in each country in which it is registered."""


class DebtorKind(IntEnum):
    """What a debtor is; the numeric values are stored and sent."""

    UNSPECIFIED = 0
    FIRM = 1
    GOVERNMENT = 2
    CONSUMER = 3
    BANK = 4


class DebtorState(IntEnum):
    """Whether invoices of a debtor count; the numeric values are stored and sent."""

    ACTIVE = 1
    INSOLVENT = 2
    BLOCKED = 3


@dataclass(frozen=True)
class DefaultProbability:
    """The probability that a debtor defaults within a year, with its source and day."""

    ppm: int
    source: str
    day: date

    def __post_init__(self) -> None:
        """Raises InvalidInput for a probability of 0 or above 1, or without a source."""
        check_all(self._check_ratio, lambda: _set(self, "source", checked_text("source", self.source)))

    def _check_ratio(self) -> None:
        if not 0 < self.ppm <= PPM:
            raise InvalidInput("ratio", self.ppm / PPM, "more than 0 and at most 1")


@dataclass(frozen=True)
class DebtorLine:
    """The most that the book may count of a debtor, until a last day."""

    amount: Money
    expire: date | None = None


@dataclass(frozen=True)
class Debtor:
    """A debtor.

    ``parent_id`` is the debtor to whose group it belongs; ``is_independent`` states that it has no parent. If neither
    is stated, its group is not known. ``merged_into`` is the id of the debtor of which it was a duplicate; the facts of
    that debtor then apply. Amounts and days that are not stated are None or 0.
    """

    debtor_id: str
    display_name: str
    aliases: Sequence[str] = ()
    identifiers: Sequence[Identifier] = ()
    country: str = ""
    parent_id: str = ""
    is_independent: bool = False
    kind: DebtorKind = DebtorKind.UNSPECIFIED
    is_core_firm: bool = False
    state: DebtorState = DebtorState.ACTIVE
    default_probability: DefaultProbability | None = None
    line: DebtorLine | None = None
    usual_terms_days: int = 0
    merged_into: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInput for fields that are malformed or contradict each other."""
        check_all(
            lambda: _set(self, "display_name", checked_text("display_name", self.display_name)),
            self._check_aliases,
            self._check_identifiers,
            lambda: _set(self, "country", checked_country("country_code", self.country)),
            self._check_parent,
            self._check_terms,
        )

    def _check_aliases(self) -> None:
        if len(self.aliases) > ALIASES_LIMIT:
            raise InvalidInput("aliases", f"{len(self.aliases)} names", f"at most {ALIASES_LIMIT}")
        names = [checked_text(f"aliases[{at}]", name) for at, name in enumerate(self.aliases)]
        _set(self, "aliases", tuple(dict.fromkeys(names)))

    def _check_identifiers(self) -> None:
        if len(self.identifiers) > IDENTIFIERS_LIMIT:
            raise InvalidInput("identifiers", f"{len(self.identifiers)} of them", f"at most {IDENTIFIERS_LIMIT}")
        _set(self, "identifiers", tuple(sorted(set(self.identifiers))))
        count = Counter(one.scheme for one in self.identifiers)
        for scheme in ISSUED_ONCE:
            if count[scheme] > 1:
                raise InvalidInput(
                    "identifiers", f"{count[scheme]} of {scheme.name}", "one; a group has several debtors"
                )

    def _check_parent(self) -> None:
        if self.parent_id == self.debtor_id:
            raise InvalidInput("parent", f"debtors/{self.parent_id}", "another debtor")
        if self.parent_id and self.is_independent:
            raise InvalidInput("independent", "true", f"false for a debtor with the parent debtors/{self.parent_id}")

    def _check_terms(self) -> None:
        if not 0 <= self.usual_terms_days <= TERMS_LIMIT_DAYS:
            raise InvalidInput("usual_terms_days", self.usual_terms_days, f"0 to {TERMS_LIMIT_DAYS}")


def loosened(before: Debtor, after: Debtor) -> list[str]:
    """Returns the fields whose change may let more of the debtor's invoices count, or lets them count for more."""
    fields = []
    if before.state != DebtorState.ACTIVE and after.state == DebtorState.ACTIVE:
        fields.append("state")
    if before.line is not None and not _is_within(after.line, before.line):
        fields.append("line")
    if _ppm(after) < _ppm(before):
        fields.append("default_probability")
    return fields


def merge_conflicts(duplicate: Debtor, survivor: Debtor) -> list[str]:
    """Returns the fields that forbid that the facts of a survivor stand for those of a duplicate; empty if none does.

    Two firms have an identifier of a register each. Facts that let fewer of the duplicate's invoices count must hold
    for the survivor too, so that a merge corrects who owes, and nothing else.
    """
    conflicts = [
        f"{WORDS[scheme]}" for scheme in ISSUED_ONCE if _differ(*(_values(d, scheme) for d in (duplicate, survivor)))
    ]
    conflicts += [name for name in ("country", "kind") if _differ(getattr(duplicate, name), getattr(survivor, name))]
    if duplicate.parent_id not in {"", survivor.parent_id, survivor.debtor_id}:
        conflicts.append("parent")
    return [*conflicts, *loosened(duplicate, survivor)]


def _differ(one: object, other: object) -> bool:
    """Returns whether two facts are both stated and not the same."""
    return bool(one and other and one != other)


def _values(debtor: Debtor, scheme: IdentifierScheme) -> set[str]:
    return {one.value for one in debtor.identifiers if one.scheme == scheme}


def _is_within(line: DebtorLine | None, other: DebtorLine) -> bool:
    """Returns whether a line never counts more than another one."""
    if line is None or line.amount.currency != other.amount.currency or line.amount.minor > other.amount.minor:
        return False
    return other.expire is None or (line.expire is not None and line.expire <= other.expire)


def _ppm(debtor: Debtor) -> int:
    """Returns the stated probability of default; 0 if none is stated, for which a substitute of the policy counts."""
    return debtor.default_probability.ppm if debtor.default_probability else 0


def _set(item: object, name: str, value: object) -> None:
    object.__setattr__(item, name, value)
