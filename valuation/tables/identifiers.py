"""Recognises identifiers that a spreadsheet has written as numbers in scientific notation."""

from __future__ import annotations

import re
import unicodedata

_SCIENTIFIC = re.compile(r"[+-]?(\d+([.,]\d*)?E\+\d{1,3}|\d+[.,]\d+E-?\d{1,3})", re.IGNORECASE)


_HINT = re.compile("[\\d.,\uff0e\uff0c][Ee\uff25\uff45][+\uff0b\uff0d-]?\\d")


def may_be_scientific(texts: str) -> bool:
    """Returns whether joined texts may hold a number in scientific notation; one search instead of one for each."""
    return bool(_HINT.search(texts))


def is_scientific(text: str) -> bool:
    """Returns whether a text or one of its words is a number in the scientific notation of a spreadsheet.

    An example is 2.01511E+11. Identifiers with a letter E between digits, such as 12E34 or 1E-05, are none.
    """
    normal = unicodedata.normalize("NFKC", text)
    return any(_SCIENTIFIC.fullmatch(part) for part in (normal.replace(" ", ""), *normal.split()))
