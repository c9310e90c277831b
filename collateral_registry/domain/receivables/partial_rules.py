"""The rules that exclude a part of an invoice or of a debtor's amount, in their order, from the facts of a pool."""

from __future__ import annotations

import numpy as np

from collateral_registry.domain.receivables.pool_facts import NO_LINE, PoolFacts
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Int
from valuation.money import AMOUNT_LIMIT_MINOR
from valuation.receivables.groups import Groups, latest_due_first
from valuation.receivables.partial_cuts import GroupCut, GroupLimit, InvoiceCut, PartialCut, ShareLimit
from valuation.receivables.rules import Rule


def debtor_groups(pool: PoolFacts) -> Groups:
    """Returns the invoices by debtor; of equal due days the later row bears a cut first."""
    rows = np.arange(len(pool.ledger.open_minor), dtype=np.int64)
    return latest_due_first(pool.resolved.of_invoice, pool.due, rows, pool.resolved.count)


def cuts_before_line(pool: PoolFacts, debtors: Groups, day: int) -> list[PartialCut]:
    """Returns the partial rules that need nothing but the invoices of their debtor."""
    ledger, count = pool.ledger, pool.resolved.count
    retained = (ledger.retention_day == NO_DAY) | (ledger.retention_day > day)
    return [
        InvoiceCut(Rule.RETENTION, np.where(retained, ledger.retention_minor, 0)),
        InvoiceCut(Rule.DISPUTED, ledger.disputed_minor),
        GroupCut(Rule.UNAPPLIED_CREDIT, debtors, _by_debtor(pool, ledger.unapplied_minor, count)),
        GroupCut(Rule.CONTRA, debtors, _by_debtor(pool, ledger.contra_minor, count)),
    ]


def cuts(pool: PoolFacts, debtors: Groups, numbers: ReceivableNumbers, day: int) -> list[PartialCut]:
    """Returns all partial rules in the order in which they are applied, concentration last."""
    resolved = pool.resolved
    left = pool.line_left_minor[resolved.row]
    line = np.where(left == NO_LINE, AMOUNT_LIMIT_MINOR, left)
    family = debtors if resolved.groups == resolved.count else _families(pool)
    share = np.full(resolved.groups, numbers.ppm("concentration_share"))
    mode = pool.terms.mode or numbers.mode
    gross = int(pool.ledger.open_minor.sum())
    return [
        *cuts_before_line(pool, debtors, day),
        GroupLimit(Rule.DEBTOR_LINE, debtors, line),
        ShareLimit(Rule.CONCENTRATION, family, share, mode, gross),
    ]


def _families(pool: PoolFacts) -> Groups:
    """Returns the invoices by the group of their debtor."""
    resolved, rows = pool.resolved, np.arange(len(pool.ledger.open_minor), dtype=np.int64)
    return latest_due_first(resolved.group[resolved.of_invoice], pool.due, rows, resolved.groups)


def _by_debtor(pool: PoolFacts, balance_minor: Int, count: int) -> Int:
    sums = np.zeros(count, dtype=np.int64)
    own = pool.ledger.balance_currency == pool.terms.currency
    np.add.at(sums, pool.resolved.of_balance, np.where(own, np.maximum(balance_minor, 0), 0))
    return sums
