"""Selects the invoices of a pool by a filter, and sums them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pools.explain import ExplainedPool
from collateral_registry.domain.filters.columns import COLUMNS, rows_meeting
from collateral_registry.domain.filters.expressions import Expression, Operator, Test, evaluate, is_met, tests_in
from collateral_registry.domain.filters.fields import Amount, Day, Enum, FieldType, Id, Text, enum
from collateral_registry.domain.receivables.assignment_facts import AssignmentState
from collateral_registry.domain.receivables.invoice_explanation import InvoiceState, invoice_states
from collateral_registry.domain.receivables.pool_facts import first_rows, stated_debtors
from collateral_registry.domain.receivables.pool_ladder import Ladder
from collateral_registry.domain.receivables.pool_sums import sums_by_age
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.debtors.facts import registered_ids
from collateral_registry.store.engine.database import Connection
from valuation._typing import Bool, Int
from valuation.receivables.rules import NO_RULE, Rule

_RULE = Enum({rule.name: int(rule) for rule in Rule}, "ELIGIBILITY_RULE_")

INVOICE_FILTER: Mapping[str, FieldType] = {
    "debtor": Text(),
    "registered_debtor": Id("debtors"),
    "invoice_number": Text(),
    "state": enum(InvoiceState, "INVOICE_STATE_"),
    "excluded_by": _RULE,
    "unknown_by": _RULE,
    "rule": _RULE,
    "currency_code": Text(),
    "open_amount": Amount(),
    "eligible_amount": Amount(),
    "issue_date": Day(),
    "due_date": Day(),
}
"""Fields by which invoices can be filtered."""

ISSUE_AGE_LIMITS_DAYS = (30, 60, 90, 120)
"""Days since the issue at which an age of the sums ends."""


@dataclass(frozen=True)
class InvoiceSums:
    """Sums of some invoices in minor units; ``issue_ages`` are open amounts up to each limit, more, and without a day.

    ``assignments`` holds the open amount and the number of open invoices of each state of the assignment.
    """

    invoices: int
    face_minor: int
    open_minor: int
    unknown_minor: int
    eligible_minor: int
    lendable_minor: int
    issue_ages: Sequence[int]
    assignments: Mapping[AssignmentState, tuple[int, int]]

    @property
    def excluded_minor(self) -> int:
        """What the rules exclude."""
        return self.open_minor - self.unknown_minor - self.eligible_minor


def selected_invoices(connection: Connection, pool: ExplainedPool, wanted: Expression) -> SelectedInvoices:
    """Returns the invoices of a pool that match a filter."""
    registered: Mapping[str, str] = {}
    if any(test.field == "registered_debtor" for test in tests_in(wanted)):
        stated = stated_debtors(pool.ladder.pool.ledger).tolist()
        registered = registered_ids(connection, stated, pool.stored.seq)
    return SelectedInvoices(pool.ladder, wanted, registered)


@dataclass(frozen=True)
class SelectedInvoices:
    """The invoices of a ladder that match a filter; ``registered`` are ids of debtors by the texts that state them."""

    ladder: Ladder
    wanted: Expression
    registered: Mapping[str, str]

    @cached_property
    def rows(self) -> Int:
        """Their rows, in the order of debtor and number."""
        count = len(self.ladder.pool.ledger.open_minor)
        met = evaluate(self.wanted, self._is_met, COLUMNS)
        return np.flatnonzero(np.ones(count, dtype=np.bool_) & met)

    def _is_met(self, test: Test) -> Bool:
        """Returns which invoices [n] meet a test."""
        if test.field == "rule":
            return _is_of_rule(self.ladder, test)
        if test.field == "debtor":
            return _of_debtors(self.ladder, lambda text: is_met(test, text))
        if test.field == "registered_debtor":
            return _of_debtors(self.ladder, lambda text: is_met(test, self.registered.get(text)))
        values, present = _column(self.ladder, test.field)
        return present & rows_meeting(test, values)

    def page(self, start: int, limit: int) -> list[int]:
        """Returns at most ``limit`` rows from row ``start`` on."""
        return [int(row) for row in self.rows[np.searchsorted(self.rows, start) :][:limit]]

    @property
    def sums(self) -> InvoiceSums:
        """Their sums."""
        rows, ledger, amount = self.rows, self.ladder.pool.ledger, self.ladder.conservative
        issue_day, open_minor = ledger.issue_day[rows], ledger.open_minor[rows]
        since = self.ladder.part.day - issue_day
        return InvoiceSums(
            invoices=len(rows),
            face_minor=int(ledger.face_minor[rows].sum()),
            open_minor=int(open_minor.sum()),
            unknown_minor=int(amount.buckets.unknown_minor[rows].sum()),
            eligible_minor=int(amount.buckets.eligible_minor[rows].sum()),
            lendable_minor=int(amount.lendable.share_minor[rows].sum()),
            issue_ages=sums_by_age(since, issue_day, open_minor, ISSUE_AGE_LIMITS_DAYS).tolist(),
            assignments=_by_assignment(self.ladder.pool.assignments.state[rows], open_minor),
        )


def _by_assignment(state: Int, open_minor: Int) -> dict[AssignmentState, tuple[int, int]]:
    found = {}
    for one in AssignmentState:
        own = open_minor[(state == one) & (open_minor > 0)]
        if len(own):
            found[one] = int(own.sum()), len(own)
    return found


def _of_debtors(ladder: Ladder, is_met: Callable[[str], bool]) -> Bool:
    """Returns which invoices [n] are of debtors that meet a test; each text of a debtor is tested once."""
    debtor = ladder.pool.ledger.debtor
    starts = first_rows(debtor)
    met = np.array([is_met(text) for text in debtor[starts].tolist()], dtype=np.bool_)
    return np.repeat(met, np.diff(np.append(starts, len(debtor))))


def _is_of_rule(ladder: Ladder, test: Test) -> Bool:
    """Returns which invoices [n] meet a test of the rules that take something of them: equality means that one does."""
    match test.operator:
        case Operator.PRESENT:
            return _is_taken(ladder, list(Rule))
        case Operator.NOT_EQUAL:
            return ~_is_taken(ladder, [Rule(int(value)) for value in test.values])
        case _:
            return _is_taken(ladder, [Rule(int(value)) for value in test.values])


def _is_taken(ladder: Ladder, rules: Sequence[Rule]) -> Bool:
    """Returns of which invoices [n] one of some rules takes something, as a whole or in part."""
    buckets = ladder.conservative.buckets
    found = np.isin(buckets.excluded_by, np.array(rules, dtype=np.int64)) & (buckets.open_minor > 0)
    for rule in rules:
        if rule in buckets.cut_minor:
            found |= buckets.cut_minor[rule] > 0
    return found


def _column(ladder: Ladder, field: str) -> tuple[NDArray[Any], Bool]:
    """Returns the value of each invoice [n] in a field, and whether it has one."""
    ledger, buckets = ladder.pool.ledger, ladder.conservative.buckets
    columns: Mapping[str, Callable[[], NDArray[Any]]] = {
        "invoice_number": lambda: ledger.invoice_number,
        "state": lambda: invoice_states(ledger, slice(None)),
        "excluded_by": lambda: buckets.excluded_by,
        "unknown_by": lambda: buckets.unknown_by,
        "currency_code": lambda: ledger.currency,
        "open_amount": lambda: ledger.open_minor,
        "eligible_amount": lambda: buckets.eligible_minor,
        "issue_date": lambda: ledger.issue_day,
        "due_date": lambda: ledger.due_day,
    }
    values = columns[field]()
    if field in _ABSENT:
        return values, values != _ABSENT[field]
    return values, np.ones(len(values), dtype=np.bool_)


_ABSENT = {"excluded_by": NO_RULE, "unknown_by": NO_RULE, "issue_date": NO_DAY, "due_date": NO_DAY}
"""What stands in a column for no value."""
