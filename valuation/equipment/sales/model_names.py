"""Extracts size and generation from the names of machine models.

Makers give models numbers for the size and letters for the generation: ``950FII`` is larger than ``930`` and newer than
``950E``. Class names contain size ranges such as ``110.0 to 120.0 Horsepower``. These numbers place a model without
sales among similar models.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LETTERS = re.compile(r"[A-Za-z]*")
_LETTER_AFTER_NUMBER = re.compile(r"[A-Za-z]*\d+([A-Za-z])")
_SERIES = re.compile(r"-(\d+)|(VI|IV|V|I{1,3})$")
_ROMAN = {"I": 1.0, "II": 2.0, "III": 3.0, "IV": 4.0, "V": 5.0, "VI": 6.0}

NAN = float("nan")


def size_of_class(text: str) -> float:
    """Returns the middle of the first range of numbers in a class name; NaN without a number."""
    numbers = [float(number) for number in _NUMBER.findall(text)[:2]]
    return sum(numbers) / len(numbers) if numbers else NAN


def size_of_family(text: str) -> float:
    """Returns the first number in a family name; NaN without a number."""
    found = _NUMBER.search(text)
    return float(found.group()) if found else NAN


def line_of_family(text: str) -> str:
    """Returns the leading letters of a family name in upper case, which identify a maker or product line."""
    found = _LETTERS.match(text)
    return found.group().upper() if found else ""


def generation_of_model(text: str) -> float:
    """Returns the alphabet position of the letter after the first number; NaN without a letter."""
    found = _LETTER_AFTER_NUMBER.match(text)
    return float(ord(found.group(1).upper()) - ord("A") + 1) if found else NAN


def series_of_model(text: str) -> float:
    """Returns the number after a hyphen, or a Roman numeral at the end of the name; NaN without either."""
    found = _SERIES.search(text)
    if not found:
        return NAN
    return float(found.group(1)) if found.group(1) else _ROMAN[found.group(2)]
