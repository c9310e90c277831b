"""What the line of a debtor over the book leaves for each pool, by the order of the registrations (rule 30)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from collateral_registry.domain.receivables.assignment_facts import AssignmentFacts
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.invoice_rules import exclusions, invoice_truths
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.partial_rules import cuts_before_line, debtor_groups
from collateral_registry.domain.receivables.pool_facts import PoolFacts
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Bool
from valuation.receivables.eligibility import eligibility

UNREGISTERED = 2**62
"""Time of registration of a pool whose invoices of a debtor are not registered; it is last."""

_BALANCES = ("balance_debtor", "balance_currency", "unapplied_minor", "contra_minor", "contra_day")


@dataclass(frozen=True)
class LineClaim:
    """What a pool claims of a debtor's line: the pool's asset, when its assignment was registered, and the amount."""

    registered_us: int
    asset_key: int
    amount_minor: int


def lined_debtors(debtors: DebtorFacts) -> dict[int, int]:
    """Returns the rows of the registered debtors with a line by their keys."""
    rows = np.flatnonzero((debtors.debtor_key > 0) & (debtors.line_minor >= 0))
    return dict(zip(debtors.debtor_key[rows].tolist(), rows.tolist(), strict=True))


def lined_in(debtors: DebtorFacts, currency: str) -> set[int]:
    """Returns the keys of the registered debtors with a line in a currency: a pool in another one claims none of it."""
    return {key for key, row in lined_debtors(debtors).items() if debtors.line_currency[row] == currency}


def line_of(debtors: DebtorFacts, row: int, currency: str, day: int) -> int:
    """Returns the line of a debtor in a currency on a day: 0 after its last day, and 0 in another currency."""
    expire = int(debtors.line_expire_day[row])
    in_force = expire == NO_DAY or day <= expire
    return int(debtors.line_minor[row]) if in_force and debtors.line_currency[row] == currency else 0


def line_claim(asset_key: int, pool: PoolFacts, debtor_key: int, numbers: ReceivableNumbers, day: int) -> LineClaim:
    """Returns what a pool claims of the line of a debtor.

    The amount is what the rules before the line leave of the debtor's invoices, and the unknown ones: they use the line
    although they count nothing where they lie. A pool whose sum is no amount claims all of the line before all others:
    what its invoices claim is not known.
    """
    if pool.terms.is_too_large:
        row = lined_debtors(pool.debtors)[debtor_key]
        return LineClaim(0, asset_key, int(pool.debtors.line_minor[row]))
    resolved = pool.resolved
    of_debtor = pool.debtors.debtor_key[resolved.row] == debtor_key
    mine = _restricted(pool, of_debtor[resolved.of_invoice], of_debtor[resolved.of_balance])
    groups = debtor_groups(mine)
    rules = exclusions(mine, invoice_truths(mine, numbers, day), groups, numbers, day)
    none = np.zeros(len(mine.ledger.open_minor), dtype=np.bool_)
    buckets = eligibility(mine.ledger.open_minor, rules, cuts_before_line(mine, groups, day), none).conservative
    registered = mine.assignments.registered_us
    first = int(registered[registered > 0].min(initial=UNREGISTERED))
    return LineClaim(first, asset_key, int(buckets.eligible_minor.sum() + buckets.unknown_minor.sum()))


def line_left(line_minor: int, claims: Sequence[LineClaim], asset_key: int) -> int:
    """Returns what a line leaves for a pool after the claims of the pools that registered before it.

    Of equal times the smaller key is first.
    """
    ordered = sorted(claims, key=lambda one: (one.registered_us, one.asset_key))
    before = 0
    for one in ordered:
        if one.asset_key == asset_key:
            break
        before += one.amount_minor
    return max(line_minor - before, 0)


def _restricted(pool: PoolFacts, invoices: Bool, balances: Bool) -> PoolFacts:
    """Returns a pool with a part of its invoices and balances."""
    ledger: dict[str, Any] = {}
    for one in fields(PoolLedger):
        value = getattr(pool.ledger, one.name)
        if isinstance(value, np.ndarray):
            ledger[one.name] = value[balances if one.name in _BALANCES else invoices]
    assigned = {one.name: getattr(pool.assignments, one.name)[invoices] for one in fields(AssignmentFacts)}
    return replace(pool, ledger=replace(pool.ledger, **ledger), assignments=AssignmentFacts(**assigned))
