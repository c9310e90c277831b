"""The parts of invoice numbers: form, series and place in the series."""

from __future__ import annotations

import re

import numpy as np

from valuation._typing import Int, Texts

_DIGITS = re.compile(r"\d+")
_LAST_DIGITS = re.compile(r"(\d{1,15})\D*$")


def parsed(numbers: Texts) -> tuple[Int, Int, Int]:
    """Returns the form of each number [n], its series and its place in the series; equal forms have equal keys.

    The form replaces each run of digits by 9, the place is the last run of digits, and the series is the form with the
    text before that run: INV-2024-0017 has the form INV-9-9 and the place 17.
    """
    forms: dict[str, int] = {}
    series: dict[tuple[str, str], int] = {}
    rows = []
    for number in numbers.tolist():
        form, last = _DIGITS.sub("9", number), _LAST_DIGITS.search(number)
        before, place = (number[: last.start()], int(last.group(1))) if last else (number, 0)
        rows.append((forms.setdefault(form, len(forms)), series.setdefault((form, before), len(series)), place))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return columns[:, 0], columns[:, 1], columns[:, 2]
