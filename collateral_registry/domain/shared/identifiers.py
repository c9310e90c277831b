"""Checks of identifiers: numbers of lots, receipts, machines, rights, invoices, orders and registrations."""

from __future__ import annotations

from valuation.errors import InvalidInput
from valuation.tables.identifiers import is_scientific

SCIENTIFIC_WANT = "the digits as issued; a spreadsheet has written the number in scientific notation"


def check_identifier(field: str, text: str) -> None:
    """Raises InvalidInput if an identifier is in scientific notation, in which its last digits are lost."""
    if is_scientific(text):
        raise InvalidInput(field, repr(text[:80]), SCIENTIFIC_WANT)
