"""Reads the dates of a column; the order of day and month is decided for the column as a whole.

A time of day and its zone are ignored: the day is the one written. Dates are never guessed: a column in which day and
month cannot be distinguished is refused, and so are serial numbers of spreadsheets, which count from 1900 or 1904.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from valuation.tables.canonical import Canonical, UndecidedColumn
from valuation.tables.schema import CellKind

FIRST_YEAR = 1600
LAST_YEAR_UNMARKED = 2200
"""Largest year in a row of digits; a larger number is no date."""

ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME = re.compile(
    r"""
    (?: T | ,?\ + ) [0-9]{1,2} : [0-9]{2} (?: : [0-9]{2} (?: [.,][0-9]+ )? )?
    (?: \ ?[AaPp]\.?[Mm]\.? )?
    (?: \ ?(?: Z | UTC | GMT | [+-][0-9]{2}:?(?:[0-9]{2})? ) )?
    """,
    re.VERBOSE,
)
"""Time of day after a date, with its zone if it has one."""

WEEKDAY = re.compile(
    r"""
    ^ (?: mon | tues? | wed(?:nes)? | thu(?:rs?)? | fri | sat(?:ur)? | sun ) (?:day)? [.,]? \ +
    | \ * \(? (?: 星期 | 周 | 礼拜 ) [一二三四五六日天] \)?
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Name of the day of the week before or after a date."""

UNMARKED = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
CHINESE = re.compile(r"([0-9]{4}) ?年 ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?[日号]")
PERIOD = re.compile(r"([0-9]{4})(?:(?:[-/M年]|\.(?=[0-9]{2}))([0-9]{1,2})月?|年)?")
"""A year, or a year and a month; 2020M01 is the World Bank's form. 2020.1 may be 2020.10 stored as a number."""

MONTH_AND_YEAR = re.compile(r"([A-Za-z]{3,9})\.?[- /,]{1,2}([0-9]{4})|([0-9]{4})[- /]([A-Za-z]{3,9})")
"""A month in words and a year, such as Jun-2024 or 2024 June."""

YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
DAY_MONTH_YEAR = re.compile(r"([0-9]{1,2})[- /.]{0,2}([A-Za-z]{3,9})[-, /.]{0,2}([0-9]{4}|[0-9]{2})")
YEAR_MONTH_DAY = re.compile(r"([0-9]{4})[- ]([A-Za-z]{3,9})[- ]([0-9]{1,2})")
MONTH_DAY_YEAR = re.compile(r"([A-Za-z]{3,9})[. -]{1,2}([0-9]{1,2}),? ?[- ]?([0-9]{4})")
SERIAL = re.compile(r"[0-9]{5}(?:\.[0-9]+)?")
"""Days since 1900 or 1904, as spreadsheets store a date."""

MONTHS = {
    name: number
    for number, full in enumerate(
        (
            "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
            "november", "december",
        ),
        start=1,
    )
    for name in (full, full[:3])
} | {"sept": 9}  # fmt: skip

NEAR_YEARS = 10
"""Number of years after the current one that are probably meant by two digits, and are then errors."""

MONTHS_OF_YEAR = 12
DAYS_OF_MONTH = 31
CENTURY = 2000
WANTED = "a date such as 2020-01-05"
SHOWN_LETTERS = 40


@dataclass(frozen=True)
class _Undecided:
    """Three numbers with the year last, whose first two are day and month in the order of the column."""

    first: int
    separator: str
    second: int
    year: str


def read_dates(cells: Sequence[str], kind: CellKind, today: date) -> Canonical:
    """Returns the dates of a column [n] in the form 2020-01-05; empty cells stay empty.

    Raises UndecidedColumn if day and month cannot be distinguished.
    """
    distinct = dict.fromkeys(cells)
    distinct.pop("", None)
    parsed = {cell: _parsed(cell, kind) for cell in distinct}
    day_first = _day_first(cells, parsed)
    centuries = _centuries(parsed.values(), today) if kind is not CellKind.DATE else {}
    days: dict[str, str] = {"": ""}
    refused: dict[str, str] = {}
    for cell, found in parsed.items():
        read = _resolved(found, day_first, centuries) if isinstance(found, _Undecided) else found
        if isinstance(read, date):
            days[cell] = read.isoformat()
        else:
            days[cell], refused[cell] = "", f"got {cell[:SHOWN_LETTERS]!r}, {read}"
    wrong = {at: refused[cell] for at, cell in enumerate(cells) if cell in refused} if refused else {}
    return Canonical([days[cell] for cell in cells], wrong)


def dotted(cells: Iterable[str]) -> bool:
    """Returns whether any cell is a date with points and the year last, as in countries with a decimal comma."""
    return any(
        found[2] == "." for cell in set(cells) if "." in cell and (found := YEAR_LAST.fullmatch(TIME.sub("", cell)))
    )


Parsed = date | _Undecided | str
"""A day, three numbers in an order to be decided, or the rule that a cell violates."""


def _parsed(cell: str, kind: CellKind) -> Parsed:
    if ISO.fullmatch(cell):
        return _day(int(cell[:4]), int(cell[5:7]), int(cell[8:]))
    text = _without_time(WEEKDAY.sub("", unicodedata.normalize("NFKC", cell).strip()))
    for form, read in FORMS:
        if found := form.fullmatch(text):
            return read(found)
    if kind is CellKind.QUOTE_DATE:
        if found := PERIOD.fullmatch(text):
            return _unmarked(found)
        if found := MONTH_AND_YEAR.fullmatch(text):
            return _in_words("1", found[1] or found[4], found[2] or found[3])
    if SERIAL.fullmatch(text):
        return f"want {WANTED}; it may be a spreadsheet's serial number: format the column as a date and save it again"
    return f"want {WANTED}"


def _without_time(text: str) -> str:
    found = TIME.search(text)
    return text[: found.start()] if found and found.end() == len(text) else text


def _in_words(day: str, month: str, year: str) -> Parsed:
    number = MONTHS.get(month.lower())
    if number is None:
        return f"want {WANTED}"
    return _day(int(year), number, int(day)) if len(year) > 2 else _Undecided(int(day), "", number, year)


def _day(year: int, month: int, day: int) -> date | str:
    try:
        found = date(year, month, day)
    except ValueError:
        return f"want {WANTED} that exists"
    return found if year >= FIRST_YEAR else f"want a year from {FIRST_YEAR}"


def _unmarked(found: re.Match[str]) -> date | str:
    """Returns the day of eight digits, or the first day of a month or year."""
    year, month, day = (int(part or 1) for part in (*found.groups(), None)[:3])
    return _day(year, month, day) if year <= LAST_YEAR_UNMARKED else f"want {WANTED}"


FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Parsed]], ...] = (
    (UNMARKED, _unmarked),
    (CHINESE, lambda found: _day(*map(int, found.groups()))),
    (YEAR_FIRST, lambda found: _day(int(found[1]), int(found[3]), int(found[4]))),
    (YEAR_LAST, lambda found: _Undecided(int(found[1]), found[2], int(found[3]), found[4])),
    (DAY_MONTH_YEAR, lambda found: _in_words(found[1], found[2], found[3])),
    (MONTH_DAY_YEAR, lambda found: _in_words(found[2], found[1], found[3])),
    (YEAR_MONTH_DAY, lambda found: _in_words(found[3], found[2], found[1])),
)
"""Forms of a date without its time, and what each is read as."""


def _day_first(cells: Sequence[str], parsed: dict[str, Parsed]) -> dict[str, bool]:
    """Returns for each separator whether the day comes first; raises UndecidedColumn if that is not certain."""
    by_separator: dict[str, dict[str, _Undecided]] = {}
    for cell, found in parsed.items():
        if isinstance(found, _Undecided) and found.separator:
            by_separator.setdefault(found.separator, {})[cell] = found
    return {separator: _order(cells, group) for separator, group in by_separator.items()}


def _order(cells: Sequence[str], group: dict[str, _Undecided]) -> bool:
    """Returns whether the day comes first in dates with one separator."""
    day_first = any(MONTHS_OF_YEAR < one.first <= DAYS_OF_MONTH for one in group.values())
    month_first = any(MONTHS_OF_YEAR < one.second <= DAYS_OF_MONTH for one in group.values())
    separator = next(iter(group.values())).separator
    short = all(len(one.year) == 2 for one in group.values())
    certain_year = not short or month_first or any(int(one.year) > DAYS_OF_MONTH for one in group.values())
    if day_first and month_first:
        reason = "both day-first and month-first dates occur"
    elif not certain_year:
        reason = "day, month and year cannot be distinguished"
    elif day_first or month_first:
        return day_first
    elif separator == ".":
        return True
    else:
        reason = "day and month cannot be distinguished"
    cell = next(iter(group))
    raise UndecidedColumn(cells.index(cell), f"{cell[:SHOWN_LETTERS]}, but {reason}", "dates such as 2020-01-05")


def _centuries(parsed: Iterable[Parsed], today: date) -> dict[str, int]:
    """Returns the century of each year of two digits that has one reading in the past.

    A year after the current one can only be of the last century. It is read if the years of the column have no gap,
    as in a long history, and none is within ``NEAR_YEARS``; other ones may be typing errors.
    """
    short = {found.year for found in parsed if isinstance(found, _Undecided) and len(found.year) == 2}
    read = {year: CENTURY + int(year) for year in short}
    past = {year: full - 100 * (full > today.year) for year, full in read.items()}
    gapless = bool(past) and len(past) == max(past.values()) - min(past.values()) + 1
    near = any(today.year < full <= today.year + NEAR_YEARS for full in read.values())
    return {year: full - int(year) for year, full in past.items() if (gapless and not near) or full == read[year]}


def _resolved(found: _Undecided, day_first: dict[str, bool], centuries: dict[str, int]) -> date | str:
    """Returns the day of three numbers; a year of two digits needs a known century."""
    first = not found.separator or day_first[found.separator]
    day, month = (found.first, found.second) if first else (found.second, found.first)
    if len(found.year) > 2:
        return _day(int(found.year), month, day)
    if found.year not in centuries:
        return f"want {WANTED} with a year of four digits"
    return _day(centuries[found.year] + int(found.year), month, day)
