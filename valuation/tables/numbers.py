"""Reads the numbers of a column; whether comma or point is the decimal sign is decided for the column as a whole.

``8.512`` and ``8,512`` have two readings each. Another cell of the column decides: ``8.512,30`` or ``98,5`` show a
decimal comma, ``8,512.30`` or ``98.5`` a decimal point. Without such a cell ``8,512`` is refused; ``8.512`` is read
with a decimal point, unless the file shows that its writer may use the point between thousands. No cell is read as
another number than the one written: a percent sign, an exponent or a unit refuses the cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from enum import Enum

from valuation.tables.canonical import Canonical, UndecidedColumn
from valuation.tables.schema import RECOGNISED, Notation

PLAIN_COLUMN = re.compile(r"(?:(?:-?[0-9]+(?:\.[0-9]+)?)?\n)*+")
"""Column of plain numbers and empty cells, one a line."""

CLEAR_POINT = re.compile(r"(?m)^-?(?:0[0-9]*|[0-9]{4,})\.|\.(?![0-9]{3}$)")
"""A point that cannot separate thousands."""

SIGNS = str.maketrans({"\u2212": "-", "\u2019": "'", "\u2018": "'", "\u00b4": "'", "`": "'"})
CURRENCIES = (
    r"US\$|HK\$|A\$|C\$|S\$|R\$|[$€£¥₹₩]|元|人民币|(?:USD|EUR|GBP|CNY|CNH|RMB|JPY|HKD|AUD|CAD|CHF|SGD|INR|BRL)\b"
)
CURRENCY_FIRST = re.compile(rf"(-?)\s*({CURRENCIES})\s*(.*)")
CURRENCY_LAST = re.compile(rf"(.*?)\s*({CURRENCIES})")

INTEGER = re.compile(r"[0-9]+")
SEPARATED = re.compile(r"([0-9]{1,3}(?:[ '][0-9]{3})+)(?:([.,])([0-9]+))?")
"""Thousands separated by spaces or apostrophes, such as 5'100.00 and 5 100,00."""

INDIAN = re.compile(r"([0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3})(?:\.([0-9]+))?")
GROUPING = " '.,"
"""Signs that may separate thousands."""

OTHER_SIGN = {".": ",", ",": "."}
ONE_SIGN = re.compile(r"([0-9]*)([.,])([0-9]*)")
GROUPS = {
    ".": re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+)(?:,([0-9]+))?"),
    ",": re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?"),
}
"""Thousands separated by the key, with the other sign as the decimal sign."""

LONGEST = 60
"""Largest number of characters of a number; longer ones are no amounts, and may be too large to compute with."""

WANTED = "a number in plain digits such as 1200.50"
WANTED_WITH_SIGN = "a number with the decimal sign"
SHOWN_LETTERS = 40


class Form(Enum):
    """Form of a number, as far as its own characters show it."""

    NEUTRAL = "no decimal sign"
    POINT = "decimal point"
    COMMA = "decimal comma"
    THREE_AFTER_POINT = "8.512"
    THREE_AFTER_COMMA = "8,512"


def read_numbers(
    cells: Sequence[str], *, currency: bool, local_signs: bool, binary: bool = False, notation: Notation = RECOGNISED
) -> Canonical:
    """Returns the numbers of a column [n] in plain digits, such as ``-1200.50``; empty cells stay empty.

    ``currency`` permits one currency sign in the whole column. ``local_signs`` states that the file shows signs of a
    country with a decimal comma (dates with points, cells separated by semicolons). ``binary`` states that the column
    comes from a format that stores numbers, so that its points are decimal signs. ``notation`` may state the decimal
    sign and the sign between thousands; a number with other ones is then refused. Raises UndecidedColumn if the column
    has two readings.
    """
    stated = "" if binary else notation.decimal or OTHER_SIGN.get(notation.thousands, "")
    joined = "\n".join(cells) + "\n"
    regular = joined.count("\n") == len(cells) and max(map(len, cells), default=0) <= LONGEST
    if (
        regular
        and stated != ","
        and PLAIN_COLUMN.fullmatch(joined)
        and ("." not in joined or CLEAR_POINT.search(joined))
    ):
        return Canonical(list(cells))
    distinct = dict.fromkeys(cells)
    distinct.pop("", None)
    stripped = {cell: _stripped(cell) for cell in distinct}
    forms = {cell: (number, _form(number)) for cell, (number, _, _) in stripped.items()}
    if binary:
        is_three = Form.THREE_AFTER_POINT
        forms = {cell: (number, Form.POINT if form is is_three else form) for cell, (number, form) in forms.items()}
    _check_currencies(cells, {cell: sign for cell, (_, _, sign) in stripped.items()}, currency=currency)
    decimal = stated or _decimal_sign(cells, forms, local_signs=local_signs)
    grouping = set(notation.thousands or GROUPING) - {decimal}
    plain: dict[str, str] = {"": ""}
    refused: dict[str, str] = {}
    for cell, (number, minus, sign) in stripped.items():
        digits = _plain(number, forms[cell][1], decimal, grouping)
        if digits is None or (sign and not currency):
            wanted = f"{WANTED_WITH_SIGN} {stated!r}" if stated else WANTED
            refused[cell] = _reason(cell, sign if digits is not None else "", wanted)
        plain[cell] = "" if cell in refused else minus + (digits or "")
    wrong = {at: refused[cell] for at, cell in enumerate(cells) if cell in refused} if refused else {}
    return Canonical([plain[cell] for cell in cells], wrong)


def _stripped(cell: str) -> tuple[str, str, str]:
    """Returns the digits and separators of a cell, its minus sign, and its currency sign."""
    text = unicodedata.normalize("NFKC", cell).translate(SIGNS).strip()
    negative = ""
    if text.startswith("(") and text.endswith(")"):
        text, negative = text[1:-1].strip(), "-"
    text, sign = _without_currency(text)
    if not negative and text.startswith("-"):
        return text[1:].lstrip(), "-", sign
    if not negative and text.endswith("-"):
        return text[:-1].rstrip(), "-", sign
    return text.removeprefix("+"), negative, sign


def _without_currency(text: str) -> tuple[str, str]:
    if found := CURRENCY_FIRST.fullmatch(text):
        return found[1] + found[3], found[2]
    if found := CURRENCY_LAST.fullmatch(text):
        return found[1], found[2]
    return text, ""


def _form(number: str) -> Form | None:
    """Returns the form of an unsigned number; None if it is no number in any form or too long."""
    if len(number) > LONGEST:
        return None
    if INTEGER.fullmatch(number):
        return Form.NEUTRAL
    if found := SEPARATED.fullmatch(number):
        return {None: Form.NEUTRAL, ".": Form.POINT, ",": Form.COMMA}[found[2]]
    if found := ONE_SIGN.fullmatch(number):
        return _form_with_one_sign(found[1], found[2], found[3])
    if INDIAN.fullmatch(number) or GROUPS[","].fullmatch(number):
        return Form.POINT
    return Form.COMMA if GROUPS["."].fullmatch(number) else None


def _form_with_one_sign(before: str, sign: str, after: str) -> Form | None:
    """Returns the form of a number with one point or comma, which separates thousands or decimals."""
    if not before and not after:
        return None
    if len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0"):
        return Form.THREE_AFTER_POINT if sign == "." else Form.THREE_AFTER_COMMA
    return Form.POINT if sign == "." else Form.COMMA


def _plain(number: str, form: Form | None, decimal: str, grouping: Collection[str]) -> str | None:
    """Returns an unsigned number in plain digits with a decimal point; None if it is none in the column's format."""
    if form is None or form is (Form.COMMA if decimal == "." else Form.POINT):
        return None
    if any(sign in number and sign not in grouping for sign in GROUPING if sign != decimal):
        return None
    whole, _, part = number.translate({ord(one): None for one in grouping}).partition(decimal)
    return f"{whole or '0'}.{part}" if part else whole


def _decimal_sign(cells: Sequence[str], forms: dict[str, tuple[str, Form | None]], *, local_signs: bool) -> str:
    """Returns the decimal sign of the column; raises UndecidedColumn if its cells leave it open or contradict."""
    first: dict[Form, str] = {}
    for cell, (_, form) in forms.items():
        if form:
            first.setdefault(form, cell)
    if Form.POINT in first and Form.COMMA in first:
        got = f"{_shown(first[Form.POINT])} and {_shown(first[Form.COMMA])}"
        raise UndecidedColumn(cells.index(first[Form.COMMA]), got, "one decimal sign in the whole column")
    if Form.POINT in first or Form.COMMA in first:
        return "." if Form.POINT in first else ","
    doubtful = first.get(Form.THREE_AFTER_COMMA)
    if doubtful is None and Form.THREE_AFTER_POINT in first and _may_group_by_points(forms, local_signs=local_signs):
        doubtful = first[Form.THREE_AFTER_POINT]
    if doubtful is not None:
        got = f"{_shown(doubtful)}, which is a number of thousands or one with three decimals"
        raise UndecidedColumn(cells.index(doubtful), got, "a column that shows its decimal sign, such as 8512.30")
    return "."


def _may_group_by_points(forms: dict[str, tuple[str, Form | None]], *, local_signs: bool) -> bool:
    """Returns whether points may separate thousands: no whole number above 999 is written without one."""
    whole = [number for number, form in forms.values() if form is Form.NEUTRAL and number.strip("0")]
    if any(len(number) > 3 for number in whole):
        return False
    return local_signs or bool(whole)


def _check_currencies(cells: Sequence[str], signs: dict[str, str], *, currency: bool) -> None:
    """Raises UndecidedColumn if a column that may have a currency sign has several."""
    first: dict[str, str] = {}
    for cell, sign in signs.items():
        if sign:
            first.setdefault(sign, cell)
    if currency and len(first) > 1:
        one, other = list(first.values())[:2]
        raise UndecidedColumn(cells.index(other), f"{_shown(one)} and {_shown(other)}", "one currency in the column")


def _reason(cell: str, sign: str, wanted: str) -> str:
    if len(cell) > LONGEST:
        return f"got {_shown(cell)}, want {wanted} of at most {LONGEST} characters"
    if sign:
        return f"got {_shown(cell)}, want {wanted}, without the currency {sign}"
    if "%" in cell or "\uff05" in cell:
        return f"got {_shown(cell)}, want a ratio such as 0.05 without a percent sign"
    if re.fullmatch(r"[-+]?[0-9.,]+[eE][-+]?[0-9]+", cell):
        return f"got {_shown(cell)}, want {wanted}; format the column as a number and save it again"
    return f"got {_shown(cell)}, want {wanted}"


def _shown(cell: str) -> str:
    return repr(cell[:SHOWN_LETTERS])
