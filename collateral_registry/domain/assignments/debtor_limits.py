"""Limits of a debtor in a pool: what an insurer covers, and what the lender permits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from collateral_registry.domain.debtors.identifiers import normal_text
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts, DebtorLimits
from collateral_registry.domain.receivables.pool_facts import NO_LINE
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput, check_all


class DebtorLimitKind(IntEnum):
    """Who set the limit; the numeric values are stored and sent."""

    INSURED = 1
    LENDER = 2


@dataclass(frozen=True)
class DebtorLimit:
    """The most that counts of a debtor's invoices in a pool, until its last day; None if it has none.

    The debtor is stated as in a ledger. ``insurer`` and ``policy_number`` name the insurance of an insured limit.
    """

    debtor: str
    kind: DebtorLimitKind
    amount: Money
    reason: str
    expire: date | None = None
    insurer: str = ""
    policy_number: str = ""
    document: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInput for a missing or malformed text, and for an insurance of a limit of the lender."""
        is_insured = self.kind == DebtorLimitKind.INSURED
        check_all(
            lambda: checked_text("debtor", self.debtor),
            lambda: checked_text("reason", self.reason),
            lambda: checked_text("insurer", self.insurer, required=is_insured),
            lambda: checked_text("policy_number", self.policy_number, required=False),
            lambda: checked_text("document", self.document, required=False),
            *(() if is_insured else (self._check_none("insurer"), self._check_none("policy_number"))),
        )

    def is_valid_on(self, day: date) -> bool:
        """Returns whether a day is not after the last day of the limit."""
        return self.expire is None or day <= self.expire

    def permitted_minor(self, day: date, currency: str) -> int:
        """Returns to what the limit restricts the debtor in a pool in a currency on a day.

        In another currency it is 0, and so is a limit of the lender after its last day. An insured limit still
        restricts the debtor then.
        """
        is_over = self.kind == DebtorLimitKind.LENDER and not self.is_valid_on(day)
        return 0 if is_over or self.amount.currency != currency else self.amount.minor

    def _check_none(self, name: str) -> Callable[[], object]:
        def check() -> None:
            if getattr(self, name):
                raise InvalidInput(name, getattr(self, name), "nothing in a limit of the lender")

        return check


LimitKey = tuple[DebtorLimitKind, int | str]
"""Kind of a limit, and the key of the registered debtor or the text of one that is not registered."""


class StatedDebtor(NamedTuple):
    """The debtor that a text states: ``own`` before merges, and ``key`` of the one into which it was merged."""

    own: int | str
    key: int | str


class RecordedLimit(NamedTuple):
    """A recorded limit, and whether it was ended."""

    limit: DebtorLimit
    is_ended: bool


def limits_in_force(
    recorded: Iterable[RecordedLimit], debtor_of: Mapping[str, StatedDebtor]
) -> dict[LimitKey, tuple[DebtorLimit, ...]]:
    """Returns the limits that apply of each kind and debtor; ``recorded`` are those of a pool, oldest first.

    The newest limit of a debtor and kind applies; once it is ended there is none, and the one before does not apply
    again. A debtor into which others were merged has the limits of all of them, and the smallest one restricts it.
    ``debtor_of`` holds the registered debtors that texts state; the text by which a ledger states another is its key.
    """
    newest: dict[LimitKey, tuple[int | str, RecordedLimit]] = {}
    for one in recorded:
        text = normal_text(one.limit.debtor)
        own, key = debtor_of.get(one.limit.debtor, StatedDebtor(text, text))
        newest[one.limit.kind, own] = key, one
    found: dict[LimitKey, tuple[DebtorLimit, ...]] = {}
    for (kind, _), (key, one) in newest.items():
        if not one.is_ended:
            found[kind, key] = (*found.get((kind, key), ()), one.limit)
    return found


def limits_of_debtors(
    debtors: DebtorFacts, limits: Mapping[LimitKey, Sequence[DebtorLimit]], day: int, currency: str
) -> DebtorLimits:
    """Returns the limits of debtors [d] of a pool in a currency on a day; ``limits`` are those that apply in the pool.

    After its last day a limit of the lender is 0. An insured limit then covers nothing, and still limits the debtor, so
    that a lapse never lets more count. A limit in another currency is 0, and covers nothing. Of several limits the
    smallest one counts, and if one of them covers nothing, none does.
    """
    covered, insured, permitted = (np.full(len(debtors.stated), NO_LINE, dtype=np.int64) for _ in range(3))
    names = [key or text for key, text in zip(debtors.debtor_key.tolist(), debtors.stated.tolist(), strict=True)]
    for row, name in enumerate(names):
        for kind in DebtorLimitKind:
            own = limits.get((kind, name))
            if not own:
                continue
            most = min(one.permitted_minor(date_at(day), currency) for one in own)
            if kind == DebtorLimitKind.LENDER:
                permitted[row] = most
            else:
                covers = all(one.amount.currency == currency and one.is_valid_on(date_at(day)) for one in own)
                insured[row], covered[row] = most, most if covers else NO_LINE
    return DebtorLimits(covered, insured, permitted)
