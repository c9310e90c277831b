"""The truth of each rule that excludes whole invoices, from the facts of a pool (docs/receivables.md)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from collateral_registry.domain.debtors.debtor import DebtorKind, DebtorState
from collateral_registry.domain.receivables.assignment_facts import AssignmentState
from collateral_registry.domain.receivables.ledger import InvoiceFlag
from collateral_registry.domain.receivables.pool_facts import NO_LINE, PoolFacts, dates
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Bool, Int
from valuation.flags import UnknownReason
from valuation.receivables.cross_ageing import cross_age
from valuation.receivables.exclusions import (
    CONSIGNMENT_TYPES,
    FACTORED_TYPES,
    PROGRESS_TYPES,
    certificate_tenor,
    is_one_of,
    not_delivered,
    of_type,
    over_age,
    past_due,
    tenor,
)
from valuation.receivables.groups import Groups
from valuation.receivables.rules import Rule, Truth, stated

Truths = Mapping[Rule, Truth]


AGED = (Rule.FACTORED_ELSEWHERE, Rule.JUNIOR_ASSIGNMENT, Rule.NOT_ASSIGNED, Rule.CROSS_AGE, Rule.CONTRA)
"""Rules that become unknown because a fact has aged, or because another invoice of the debtor is unknown."""

REASONS: Mapping[Rule, UnknownReason] = {
    Rule.FACTORED_ELSEWHERE: UnknownReason.ATTESTATION_STALE,
    Rule.JUNIOR_ASSIGNMENT: UnknownReason.ATTESTATION_STALE,
    Rule.NOT_ASSIGNED: UnknownReason.REGISTRATION_EXPIRED,
}
"""Reasons for which a part of a pool is unknown, by rule; MISSING_INPUT for every other rule."""


def invoice_truths(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> Truths:
    """Returns the truth of each rule on facts of an invoice [n] and its debtor (stage A)."""
    return {
        **_debtor_truths(pool, numbers),
        **_date_truths(pool, numbers, day),
        **_assignment_truths(pool, numbers, day),
    }


def _debtor_truths(pool: PoolFacts, numbers: ReceivableNumbers) -> Truths:
    debtors, resolved, terms = pool.debtors, pool.resolved, pool.terms
    row = resolved.row
    registered = debtors.debtor_key[row] > 0
    kind, state, country = debtors.kind[row], debtors.state[row], debtors.country[row]
    related = registered & (terms.owner_group > 0) & (debtors.group_key[row] == terms.owner_group)
    parent_needed = numbers.requires("affiliate_parent_required")
    parent_known = debtors.parent_stated[row] & (terms.owner_group > 0) if parent_needed else np.ones_like(registered)
    insured = np.zeros_like(registered) if pool.limits is None else pool.limits.covered_minor[row] != NO_LINE
    located = insured | (country != "") & (terms.owner_country != "")
    truths = {
        Rule.DEBTOR_INSOLVENT: stated(is_one_of(state, (DebtorState.INSOLVENT, DebtorState.BLOCKED)), registered),
        Rule.AFFILIATE: Truth(related, ~parent_known),
        Rule.FOREIGN_UNINSURED: stated((country != terms.owner_country) & ~insured, located.astype(np.bool_)),
        Rule.GOVERNMENT: stated((kind == DebtorKind.GOVERNMENT) & numbers.requires("government_consent_required")),
        Rule.CONSUMER: stated(kind == DebtorKind.CONSUMER, kind != DebtorKind.UNSPECIFIED),
    }
    return {rule: _of_invoices(truth, resolved.of_invoice) for rule, truth in truths.items()}


def _of_invoices(truth: Truth, debtor: Int) -> Truth:
    """Returns the truth of each invoice [n], given that of its debtor."""
    nothing = np.zeros(len(debtor), dtype=np.bool_)
    true, unknown = (
        column.astype(np.bool_)[debtor] if column.any() else nothing for column in (truth.true, truth.unknown)
    )
    return Truth(true, unknown)


def _date_truths(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> Truths:
    ledger, issue, due, today = pool.ledger, pool.issue, pool.due, np.datetime64(day, "D")
    government = pool.debtors.kind[pool.resolved.row] == DebtorKind.GOVERNMENT
    limit = np.where(government, numbers.days("over_age_government_days"), numbers.days("over_age_days"))
    return {
        Rule.NOT_DELIVERED: not_delivered(
            today, issue, dates(ledger.delivery_day), ledger.type_code, numbers.days("delivery_grace_days")
        ),
        Rule.CONSIGNMENT: of_type(ledger.type_code, CONSIGNMENT_TYPES),
        Rule.PROGRESS_BILLING: of_type(ledger.type_code, PROGRESS_TYPES),
        Rule.OVER_AGE: over_age(today, issue, limit[pool.resolved.of_invoice]),
        Rule.PAST_DUE: past_due(today, due, issue, numbers.days("past_due_days")),
        Rule.TENOR: tenor(due, issue, numbers.days("tenor_days")),
        Rule.CERTIFICATE_TENOR: certificate_tenor(due, issue, has_flag(ledger.flags, InvoiceFlag.CERTIFICATE)),
        Rule.RE_AGED: Truth(
            has_flag(ledger.flags, InvoiceFlag.RE_INVOICED | InvoiceFlag.DUE_DATE_MOVED_LATE),
            pool.is_repeated | pool.is_issued_again | has_flag(ledger.flags, InvoiceFlag.DATED_LATER_IN_HINDSIGHT),
        ),
        Rule.CURRENCY_BARRED: stated(~pool.is_own_currency),
    }


def _assignment_truths(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> Truths:
    facts, ledger = pool.assignments, pool.ledger
    search_old = ~_is_recent(facts.search_day, day, numbers.days("attestation_max_age_days"))
    factored = is_one_of(ledger.type_code, FACTORED_TYPES) | has_flag(ledger.flags, InvoiceFlag.OTHER_PAYEE)
    not_stated = (facts.bars_assignment < 0) & numbers.requires("bar_statement_required")
    return {
        Rule.BILL_CLAIM: stated(has_flag(ledger.flags, InvoiceFlag.BILL)),
        Rule.FACTORED_ELSEWHERE: Truth(factored, search_old),
        Rule.ASSIGNMENT_BARRED: Truth(facts.bars_assignment == 1, not_stated),
        Rule.NOT_ASSIGNED: Truth(facts.state == AssignmentState.NONE, facts.state == AssignmentState.EXPIRED),
        Rule.JUNIOR_ASSIGNMENT: Truth(facts.earlier_assignee, search_old),
        Rule.REFUSED: stated(facts.state == AssignmentState.REFUSED),
        Rule.MANUAL: stated(facts.excluded_manually),
    }


def exclusions(
    pool: PoolFacts, truths: Truths, debtors: Groups, numbers: ReceivableNumbers, day: int
) -> list[tuple[Rule, Truth]]:
    """Returns the rules that exclude whole invoices, in the order of attribution: stage A, cross-ageing, old balances.

    A balance owed to a debtor that is older than the policy allows, or is in another currency than the pool's, makes
    the debtor's invoices unknown by CONTRA; cash or a credit in another currency makes them unknown by
    UNAPPLIED_CREDIT, because nothing states how much of them it settles.
    """
    late = truths[Rule.OVER_AGE] | truths[Rule.PAST_DUE]
    # One that is not issued yet cannot be late, although its age is unknown.
    late = Truth(late.true, late.unknown & ~((pool.ledger.issue_day != NO_DAY) & (pool.ledger.issue_day > day)))
    limit = np.full(debtors.count, numbers.ppm("cross_age_share"))
    ledger = pool.ledger
    old = (ledger.contra_minor > 0) & ~_is_recent(ledger.contra_day, day, numbers.days("contra_max_age_days"))
    return [
        *((rule, truths[rule]) for rule in numbers.order),
        (Rule.CROSS_AGE, cross_age(late, _aged_minor(pool, late), debtors, limit)),
        (Rule.UNAPPLIED_CREDIT, _unknown(_is_of_debtor(pool, _is_foreign(pool, ledger.unapplied_minor)))),
        (Rule.CONTRA, _unknown(_is_of_debtor(pool, old | _is_foreign(pool, ledger.contra_minor)))),
    ]


def _aged_minor(pool: PoolFacts, late: Truth) -> Int:
    """Returns the open amounts [n] for late shares, in which repeated claims count only if they may be late."""
    repeated = pool.is_repeated & pool.is_own_currency & (late.true | late.unknown)
    return np.where(repeated, pool.ledger.open_minor, pool.own_open_minor)


def _unknown(unknown: Bool) -> Truth:
    return Truth(np.zeros_like(unknown), unknown)


def _is_foreign(pool: PoolFacts, balance_minor: Int) -> Bool:
    """Returns which balances [b] are in another currency than the pool's."""
    return np.asarray((balance_minor > 0) & (pool.ledger.balance_currency != pool.terms.currency).astype(np.bool_))


def _is_of_debtor(pool: PoolFacts, balances: Bool) -> Bool:
    """Returns which invoices [n] are of a debtor with one of the balances [b]."""
    resolved = pool.resolved
    has_one = np.zeros(resolved.count, dtype=np.bool_)
    has_one[resolved.of_balance[balances]] = True
    return has_one[resolved.of_invoice]


def was_good(pool: PoolFacts, rules: list[tuple[Rule, Truth]]) -> Bool:
    """Returns whether each invoice [n] was kept by the facts that were last known of every rule.

    A rule that is unknown because a fact has aged was last known by that fact. A rule that is unknown because a fact
    was never stated was never known, and neither was a balance in another currency in that of the pool.
    """
    never_searched = pool.assignments.search_day == NO_DAY
    never_known = _is_of_debtor(pool, _is_foreign(pool, pool.ledger.contra_minor))
    for rule, truth in rules:
        if rule not in AGED:
            never_known |= truth.unknown
        elif rule in {Rule.FACTORED_ELSEWHERE, Rule.JUNIOR_ASSIGNMENT}:
            never_known |= truth.unknown & never_searched
    return ~never_known


def unknown_reasons(rules: Int) -> int:
    """Returns the bits of the reasons for rules that make invoices unknown."""
    bits = 0
    for code in rules.tolist():
        bits |= int(REASONS.get(Rule(code), UnknownReason.MISSING_INPUT))
    return bits


def has_flag(flags: Int, wanted: InvoiceFlag) -> Bool:
    """Returns whether one of the wanted flags is set."""
    return np.asarray((flags & int(wanted)) != 0)


def _is_recent(fact_day: Int, day: int, max_age_days: int) -> Bool:
    return np.asarray((fact_day != NO_DAY) & (day - fact_day <= max_age_days))
