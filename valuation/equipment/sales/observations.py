"""Converts the rows of a sales file to columns and rejects impossible values.

Impossible values become unknown: an hour meter at 0 was not read, and a build year of 1000 or after the sale is wrong.
Every rejected value is flagged, except meters at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Bool, Float, Int, Texts
from valuation.calendar import DAYS_PER_YEAR
from valuation.equipment.appraisals.inspections import HOURS_A_DAY, InspectionFlag, check_histories
from valuation.equipment.flags import EstimateFlag
from valuation.equipment.sales import model_names
from valuation.equipment.sales.mapping import ColumnMap
from valuation.errors import InvalidInput

LEVELS = ("category", "class", "line", "family", "model")
"""Hierarchy from wide to narrow; a line is the make, or else the leading letters of the family name."""

FIRST_YEAR = 1970.0
SEPARATOR = "\x1f"
"""Separator between the parts of a key that consists of several columns."""


@dataclass(frozen=True)
class Observations:
    """Machines [n]; unknown numbers are NaN and unknown strings are empty.

    ``time`` is the day of sale or valuation in decimal years. ``age_years`` is counted from the middle of the build
    year. ``hours`` has the unit of the mapping, and ``condition`` rises with quality. ``levels`` holds a key for each
    of LEVELS, and ``words`` holds the attributes and the region.
    """

    ids: Texts
    price: Float
    reference: Float
    time: Float
    build_year: Float
    hours: Float
    condition: Float
    class_size: Float
    family_size: Float
    generation: Float
    series: Float
    flags: Int
    levels: Mapping[str, Texts]
    words: Mapping[str, Texts]
    numbers: Mapping[str, Float]

    @property
    def age_years(self) -> Float:
        """Age [n] on the day of sale or valuation; at least 0."""
        return np.maximum(self.time - self.build_year - 0.5, 0.0)

    def __len__(self) -> int:
        """Returns the number of machines."""
        return len(self.ids)

    def take(self, rows: Int | Bool) -> Observations:
        """Returns the machines in the given rows, in that order."""
        taken: dict[str, Any] = {field.name: _take(getattr(self, field.name), rows) for field in fields(self)}
        return Observations(**taken)


def _take(
    column: NDArray[Any] | Mapping[str, NDArray[Any]], rows: Int | Bool
) -> NDArray[Any] | dict[str, NDArray[Any]]:
    if isinstance(column, Mapping):
        return {name: inner[rows] for name, inner in column.items()}
    return column[rows]


Table = Mapping[str, Sequence[str]]
"""Cells of a file by column."""


def observe(table: Table, mapping: ColumnMap, time: Float, count: int) -> Observations:
    """Returns the machines [count] in the cells of a file, with their times [count]; the price column is optional.

    Raises InvalidInput for a cell that is not a number where one is required, or for an unlisted condition word.
    """
    cells = _Cells(table, mapping, count)
    category, class_, family, model = (cells.joined(mapping.level(level)) for level in _MAPPED)
    line = cells.joined(mapping.make) if mapping.make else _each(family, model_names.line_of_family)
    price, reference = cells.number(mapping.price), cells.number(mapping.reference)
    build_year, built_flags = _build_year(cells.number(mapping.build_year), time, mapping)
    hours, hours_flags = _hours(cells.number(mapping.hours), mapping)
    missing = bool(mapping.reference) & ~(reference > 0.0)
    wrong_price = (price <= 0.0) | np.isinf(price)
    flags = built_flags | hours_flags | np.where(missing, int(EstimateFlag.REFERENCE_MISSING), 0)
    flags |= np.where(wrong_price, int(EstimateFlag.PRICE_IMPOSSIBLE), 0)
    flags |= np.where(np.isnan(time), int(EstimateFlag.DATE_MISSING), 0)
    condition = cells.condition()
    if mapping.machine:
        flags |= _histories(cells.text(mapping.machine), time, hours, condition, build_year, mapping)
    return Observations(
        ids=cells.text(mapping.id) if mapping.id else np.arange(1, count + 1).astype(str).astype(object),
        price=np.where(wrong_price, np.nan, price),
        reference=np.where(missing, np.nan, reference),
        time=time,
        build_year=build_year,
        hours=hours,
        condition=condition,
        class_size=_each_number(class_, model_names.size_of_class),
        family_size=_each_number(family, model_names.size_of_family),
        generation=_each_number(model, model_names.generation_of_model),
        series=_each_number(model, model_names.series_of_model),
        flags=flags.astype(np.int64),
        levels=_keys(category, class_, line, family, model),
        words={name: cells.text(name) for name in (*mapping.attributes, mapping.region) if name},
        numbers={name: cells.number(name) for name in mapping.numbers},
    )


_MAPPED = ("category", "class", "family", "model")


def _keys(category: Texts, class_: Texts, line: Texts, family: Texts, model: Texts) -> dict[str, Texts]:
    """Returns the keys [n] of each level; keys below a category include it, because categories can share names."""

    def within(texts: Texts) -> Texts:
        pairs = list(zip(category.tolist(), texts.tolist(), strict=True))
        keys = {(outer, text): f"{outer}{SEPARATOR}{text}" if text else "" for outer, text in set(pairs)}
        return _column_of(keys, pairs, np.dtype(object))

    return {
        "category": category,
        "class": within(class_),
        "line": within(line),
        "family": within(family),
        "model": within(model),
    }


def _build_year(year: Float, time: Float, mapping: ColumnMap) -> tuple[Float, Int]:
    """Returns the plausible build years [n], and flags [n] that mark rejected build years.

    A build year can be one year after the sale, because a model year begins before the calendar year.
    """
    impossible = (year < mapping.oldest_build_year) | np.isinf(year)
    late = ~impossible & (year > np.floor(time) + 1.0)
    flags = np.where(impossible, int(EstimateFlag.BUILD_YEAR_IMPOSSIBLE), 0)
    flags |= np.where(late, int(EstimateFlag.BUILT_AFTER_SALE), 0)
    return np.where(impossible | late, np.nan, year), flags


def _hours(hours: Float, mapping: ColumnMap) -> tuple[Float, Int]:
    """Returns the plausible meter readings [n] and flags [n] for readings that are negative or above the bound.

    A reading of 0 counts as unknown and is not flagged.
    """
    impossible = (hours < 0.0) | (hours > mapping.highest_hours)
    flags = np.where(impossible, int(EstimateFlag.HOURS_IMPOSSIBLE), 0)
    return np.where(impossible | (hours == 0.0), np.nan, hours), flags


HISTORY_FLAGS = {
    InspectionFlag.HOURS_FELL: EstimateFlag.HOURS_FELL,
    InspectionFlag.HOURS_TOO_FAST: EstimateFlag.HOURS_TOO_FAST,
    InspectionFlag.CONDITION_IMPROVED: EstimateFlag.CONDITION_IMPROVED,
    InspectionFlag.BUILD_YEAR_CHANGED: EstimateFlag.BUILD_YEAR_CHANGED,
}
"""Estimate flags for contradictions between rows of one machine."""


def _histories(
    machine: Texts, time: Float, hours: Float, condition: Float, build_year: Float, mapping: ColumnMap
) -> Int:
    """Returns EstimateFlag bits [n] for rows that contradict an earlier row of the same machine."""
    daily_limit = HOURS_A_DAY if mapping.hours_unit == "hours" else np.inf
    found = check_histories(machine, (time - FIRST_YEAR) * DAYS_PER_YEAR, hours, condition, build_year, daily_limit)
    flags = np.zeros(len(machine), dtype=np.int64)
    for inspection, estimate in HISTORY_FLAGS.items():
        flags |= np.where(found & inspection, int(estimate), 0)
    return flags


class _Cells:
    """Parser for the cells of a file as strings or numbers; cells listed as unknown become empty strings or NaN."""

    def __init__(self, table: Table, mapping: ColumnMap, count: int) -> None:
        self.table = table
        self.mapping = mapping
        self.count = count
        self.unknown = set(mapping.unknown)

    def text(self, column: str) -> Texts:
        """Returns a column [n] as strings, which are empty if the column is not mapped."""
        if not column:
            return np.full(self.count, "", dtype=object)
        return _column_of(self._read(column, str), self.table[column], np.dtype(object))

    def joined(self, columns: Sequence[str]) -> Texts:
        """Joins several columns into one key [n]; the key is empty where its last part is."""
        if not columns:
            return self.text("")
        rows = list(zip(*(self.text(column).tolist() for column in columns), strict=True))
        keys = {row: SEPARATOR.join(row) if row[-1] else "" for row in set(rows)}
        return _column_of(keys, rows, np.dtype(object))

    def number(self, column: str) -> Float:
        """Returns the numbers of a column [n], NaN where unknown or missing; raises InvalidInput for other strings."""
        if not column or column not in self.table:
            return np.full(self.count, np.nan)
        try:
            return _column_of(self._read(column, _number), self.table[column], np.dtype(np.float64))
        except ValueError:
            texts = self.text(column).tolist()
            at, word = next((at, text) for at, text in enumerate(texts) if text and not _is_number(text))
            raise InvalidInput(f"{column}[{at}]", repr(word[:40]), "a number") from None

    def _read(self, column: str, read: Callable[[str], Any]) -> dict[str, Any]:
        """Parses each distinct cell of a column; cells listed as unknown are parsed as empty strings."""
        stripped = {cell: cell.strip() for cell in set(self.table[column])}
        return {cell: read("" if word in self.unknown else word) for cell, word in stripped.items()}

    def condition(self) -> Float:
        """Returns the condition [n], rising with quality; raises InvalidInput for a word that is not in the order."""
        mapping = self.mapping
        if not mapping.condition or not mapping.condition_order:
            return self.number(mapping.condition)
        place = {word: float(at) for at, word in enumerate(mapping.condition_order)} | {"": np.nan}
        texts = self.text(mapping.condition).tolist()
        for at, text in enumerate(texts):
            if text not in place:
                want = "one of " + ", ".join(mapping.condition_order)
                raise InvalidInput(f"{mapping.condition}[{at}]", repr(text[:40]), want)
        return np.array([place[text] for text in texts], dtype=np.float64)


def _column_of(known: Mapping[Any, Any], cells: Sequence[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Looks up each cell [n] in ``known``, which holds the parsed value of each distinct cell of the column."""
    return np.fromiter(map(known.__getitem__, cells), kind, len(cells))


def _number(text: str) -> float:
    return float(text) if text else float("nan")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _last_part(text: str) -> str:
    return text.rpartition(SEPARATOR)[2]


def _each(texts: Texts, read: Callable[[str], str]) -> Texts:
    """Applies a function to the last part of each key [n], once for each distinct key."""
    listed = texts.tolist()
    return _column_of({text: read(_last_part(text)) if text else "" for text in set(listed)}, listed, np.dtype(object))


def _each_number(texts: Texts, read: Callable[[str], float]) -> Float:
    listed = texts.tolist()
    found = {text: read(_last_part(text)) if text else np.nan for text in set(listed)}
    return _column_of(found, listed, np.dtype(np.float64))
