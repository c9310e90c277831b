"""What the name of a machine says of its size and age: makers number models by size and letter them by generation.

``950FII`` is larger than ``930`` and newer than ``950E``; ``110.0 to 120.0 Horsepower`` lies between its neighbours. A
model that was never sold is placed among its relatives by these numbers.
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
    """The middle of the first range of numbers in the name of a class; NaN without one."""
    numbers = [float(number) for number in _NUMBER.findall(text)[:2]]
    return sum(numbers) / len(numbers) if numbers else NAN


def size_of_family(text: str) -> float:
    """The first number in the name of a family; NaN without one."""
    found = _NUMBER.search(text)
    return float(found.group()) if found else NAN


def line_of_family(text: str) -> str:
    """The letters that a family begins with, which tell the makers and lines of a group apart."""
    found = _LETTERS.match(text)
    return found.group().upper() if found else ""


def generation_of_model(text: str) -> float:
    """The place in the alphabet of the letter after the first number; NaN without one."""
    found = _LETTER_AFTER_NUMBER.match(text)
    return float(ord(found.group(1).upper()) - ord("A") + 1) if found else NAN


def series_of_model(text: str) -> float:
    """The number after a hyphen, or a Roman numeral at the end; NaN without one."""
    found = _SERIES.search(text)
    if not found:
        return NAN
    return float(found.group(1)) if found.group(1) else _ROMAN[found.group(2)]
