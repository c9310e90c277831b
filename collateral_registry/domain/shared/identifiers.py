"""Checks of identifiers: numbers of lots, receipts, machines, rights, invoices, orders and registrations."""

from __future__ import annotations

import re
import unicodedata

from valuation.errors import InvalidInput

SCIENTIFIC_WANT = "the digits as issued; a spreadsheet has written the number in scientific notation"

_SCIENTIFIC = re.compile(r"[+-]?(\d+([.,]\d*)?E\+\d{1,3}|\d+[.,]\d+E-?\d{1,3})", re.IGNORECASE)


_HINT = re.compile("[\\d.,\uff0e\uff0c][Ee\uff25\uff45][+\uff0b\uff0d-]?\\d")


def may_be_scientific(texts: str) -> bool:
    """Returns whether joined texts may hold a number in scientific notation; one search instead of one for each."""
    return bool(_HINT.search(texts))


def is_scientific(text: str) -> bool:
    """Returns whether a text is a number in the scientific notation of a spreadsheet, such as 2.01511E+11.

    Identifiers with a letter E between digits, such as 12E34 or 1E-05, are not.
    """
    return bool(_SCIENTIFIC.fullmatch(unicodedata.normalize("NFKC", text).replace(" ", "")))


def check_identifier(field: str, text: str) -> None:
    """Raises InvalidInput if an identifier is in scientific notation, in which its last digits are lost."""
    if is_scientific(text):
        raise InvalidInput(field, repr(text[:80]), SCIENTIFIC_WANT)
