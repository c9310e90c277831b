"""Lists the invoices of a pool that a filter selects."""

from __future__ import annotations

from collections.abc import Mapping

from collateral_registry.domain.filters.expressions import Expression, Value, matches
from collateral_registry.domain.filters.fields import Amount, Day, Enum, FieldType, Text, enum
from collateral_registry.domain.receivables.invoice_explanation import InvoiceState, invoice_path
from collateral_registry.domain.receivables.pool_ladder import Ladder
from collateral_registry.domain.shared.days import NO_DAY
from valuation.receivables.rules import NO_RULE, Rule

_RULE = Enum({rule.name: int(rule) for rule in Rule}, "ELIGIBILITY_RULE_")

INVOICE_FILTER: Mapping[str, FieldType] = {
    "debtor": Text(),
    "invoice_number": Text(),
    "state": enum(InvoiceState, "INVOICE_STATE_"),
    "excluded_by": _RULE,
    "unknown_by": _RULE,
    "currency_code": Text(),
    "open_amount": Amount(),
    "eligible_amount": Amount(),
    "issue_date": Day(),
    "due_date": Day(),
}
"""Fields by which invoices can be filtered."""


def list_invoices(ladder: Ladder, wanted: Expression, start: int, limit: int) -> list[int]:
    """Returns the rows of a page of invoices from row ``start`` on, in the order of debtor and number."""
    found: list[int] = []
    for row in range(start, len(ladder.pool.ledger.open_minor)):
        if matches(wanted, _fields(ladder, row)):
            found.append(row)
            if len(found) == limit:
                break
    return found


def _fields(ladder: Ladder, row: int) -> dict[str, Value | None]:
    ledger, path = ladder.pool.ledger, invoice_path(ladder, row)
    return {
        "debtor": str(ledger.debtor[row]),
        "invoice_number": str(ledger.invoice_number[row]),
        "state": int(path.state),
        "excluded_by": None if path.excluded_by == NO_RULE else path.excluded_by,
        "unknown_by": None if path.unknown_by == NO_RULE else path.unknown_by,
        "currency_code": str(ledger.currency[row]),
        "open_amount": int(ledger.open_minor[row]),
        "eligible_amount": path.eligible_minor,
        "issue_date": _day(int(ledger.issue_day[row])),
        "due_date": _day(int(ledger.due_day[row])),
    }


def _day(day: int) -> int | None:
    return None if day == NO_DAY else day
