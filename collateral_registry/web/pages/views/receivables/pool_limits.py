"""The limits of debtors in a pool that apply, as the rule of the domain selects them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from google.type.money_pb2 import Money

from collateral_registry.domain.assignments.debtor_limits import (
    DebtorLimit,
    DebtorLimitKind,
    RecordedLimit,
    StatedDebtor,
    limits_in_force,
)
from collateral_registry.domain.debtors.identifiers import normal_text
from collateral_registry.domain.shared.money import Money as Amount
from collateral_registry.rpc.assignments.messages import read_limit
from collateral_registry.v1 import assignment_pb2, debtor_pb2, receivable_pb2 as pb
from collateral_registry.web.pages.numbers import calendar, money_of
from collateral_registry.web.pages.views.receivables.ledger import fetch_merged, stated_names
from collateral_registry.web.pages.visit import Visit

LIMITS_READ = 1_000
"""Limits of a call."""


@dataclass(frozen=True)
class Limit:
    """A limit that applies, whether its last day has passed, and the amount to which it restricts the debtor."""

    stated: DebtorLimit
    is_expired: bool
    amount: Money


async def fetch_limits(
    visit: Visit, statement: pb.PoolStatement, registered: Mapping[str, debtor_pb2.Debtor]
) -> dict[str, list[Limit]]:
    """Returns the limits of the debtors of a statement that apply now, by the text that the statement states.

    ``registered`` holds the records of registered debtors by name.
    """
    names = await _names_of_texts(visit, registered)
    recorded = [_recorded(one) for one in reversed(await _listed(visit, statement.asset))]
    found = limits_in_force(recorded, names)
    today = calendar(statement.market_date) or date.max
    currency = statement.open_amount.currency_code
    return {
        one.debtor: [
            Limit(limit, not limit.is_valid_on(today), _amount(limit.permitted_minor(today, currency), currency))
            for kind in DebtorLimitKind
            for limit in found.get((kind, one.registered_debtor or one.debtor), ())
        ]
        for one in statement.debtors
    }


def _amount(minor: int, currency: str) -> Money:
    return money_of(Amount(minor, currency).major, currency)


async def _names_of_texts(visit: Visit, registered: Mapping[str, debtor_pb2.Debtor]) -> dict[str, StatedDebtor]:
    """Returns debtors by the texts that state them or a duplicate that was merged into them."""
    merged = await fetch_merged(visit, registered)
    return {
        text: StatedDebtor(each.name, name)
        for name, one in registered.items()
        for each in (one, *merged[name])
        for text in stated_names(each)
    }


async def _listed(visit: Visit, asset: str) -> Sequence[assignment_pb2.DebtorLimit]:
    """Returns every limit of a pool, newest first."""
    request = assignment_pb2.ListDebtorLimitsRequest(parent=asset, page_size=LIMITS_READ)
    found: list[assignment_pb2.DebtorLimit] = []
    while True:
        page = await visit.book.call(visit.book.services.assignments.ListDebtorLimits, request)
        found += page.debtor_limits
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


def _recorded(one: assignment_pb2.DebtorLimit) -> RecordedLimit:
    limit = read_limit(one)
    return RecordedLimit(replace(limit, debtor=normal_text(limit.debtor)), is_ended=one.HasField("end_time"))
