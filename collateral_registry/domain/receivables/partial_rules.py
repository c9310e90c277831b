"""The rules that exclude a part of an invoice or of a debtor's amount, in their order, from the facts of a pool."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from collateral_registry.domain.receivables.pool_facts import NO_LINE, PoolFacts
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Int
from valuation.money import AMOUNT_LIMIT_MINOR
from valuation.receivables.concentration import ConcentrationMode, kept_by_share
from valuation.receivables.groups import Groups, latest_due_first
from valuation.receivables.partial_cuts import GroupCut, GroupLimit, InvoiceCut, PartialCut
from valuation.receivables.rules import Rule


def debtor_groups(pool: PoolFacts) -> Groups:
    """Returns the invoices by debtor; of equal due days the later row bears a cut first."""
    rows = np.arange(len(pool.ledger.open_minor), dtype=np.int64)
    return latest_due_first(pool.resolved.of_invoice, pool.due, rows, pool.resolved.count)


def cuts_before_line(pool: PoolFacts, debtors: Groups, day: int) -> list[PartialCut]:
    """Returns the partial rules that need nothing but the invoices of their debtor."""
    ledger, count = pool.ledger, pool.resolved.count
    retained = (ledger.retention_day == NO_DAY) | (ledger.retention_day > day)
    covered, insured, permitted = _limits(pool)
    return [
        InvoiceCut(Rule.RETENTION, np.where(retained, ledger.retention_minor, 0)),
        InvoiceCut(Rule.DISPUTED, ledger.disputed_minor),
        *_limit(Rule.FOREIGN_UNINSURED, debtors, covered),
        GroupCut(Rule.UNAPPLIED_CREDIT, debtors, _by_debtor(pool, ledger.unapplied_minor, count)),
        GroupCut(Rule.CONTRA, debtors, _by_debtor(pool, ledger.contra_minor, count)),
        *_limit(Rule.INSURED_LIMIT, debtors, insured),
        *_limit(Rule.DEBTOR_LIMIT, debtors, permitted),
    ]


def cuts(pool: PoolFacts, debtors: Groups, day: int) -> list[PartialCut]:
    """Returns the partial rules in the order in which they are applied, without concentration, which is the last."""
    left = pool.line_left_minor[pool.resolved.row]
    line = np.where(left == NO_LINE, AMOUNT_LIMIT_MINOR, left)
    return [*cuts_before_line(pool, debtors, day), GroupLimit(Rule.DEBTOR_LINE, debtors, line)]


def families(pool: PoolFacts, debtors: Groups) -> Groups:
    """Returns the invoices by the group of their debtor, given those by debtor."""
    resolved = pool.resolved
    if np.array_equal(resolved.group, np.arange(debtors.count)):
        return debtors
    return replace(debtors, of=resolved.group[resolved.of_invoice], count=resolved.groups)


def share_cut(left_minor: Int, gross_minor: int, mode: ConcentrationMode, numbers: ReceivableNumbers) -> Int:
    """Returns what concentration takes of what the other rules leave of each group [g].

    ``gross_minor`` is the open amount of the whole pool in its currency.
    """
    share = np.full(len(left_minor), numbers.ppm("concentration_share"))
    return left_minor - kept_by_share(left_minor, share, mode, gross_minor)


def _limits(pool: PoolFacts) -> tuple[Int, Int, Int]:
    """Returns what is covered of foreign debtors, insured of the others, and permitted of all [r]; NO_LINE for none."""
    row = pool.resolved.row
    if pool.limits is None:
        none = np.full(len(row), NO_LINE)
        return none, none, none
    country = pool.debtors.country[row]
    domestic = ((country == pool.terms.owner_country) & (country != "")).astype(np.bool_)
    covered = np.where(domestic, NO_LINE, pool.limits.covered_minor[row])
    insured = np.where(domestic, pool.limits.insured_minor[row], NO_LINE)
    return covered, insured, pool.limits.permitted_minor[row]


def _limit(rule: Rule, debtors: Groups, limit_minor: Int) -> list[PartialCut]:
    """Returns the cut by the limits of debtors [r]; none if no debtor has one."""
    if (limit_minor == NO_LINE).all():
        return []
    return [GroupLimit(rule, debtors, np.where(limit_minor == NO_LINE, AMOUNT_LIMIT_MINOR, limit_minor))]


def _by_debtor(pool: PoolFacts, balance_minor: Int, count: int) -> Int:
    sums = np.zeros(count, dtype=np.int64)
    own = pool.ledger.balance_currency == pool.terms.currency
    np.add.at(sums, pool.resolved.of_balance, np.where(own, np.maximum(balance_minor, 0), 0))
    return sums
