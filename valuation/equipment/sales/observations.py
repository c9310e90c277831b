"""Rows of somebody's file as columns: what is known of each machine, and what was found impossible in it.

Impossible values are treated as what they are, unknown: an hour meter at 0 was not read, a machine of the year 1000 has
no build year, one built after its sale has none that can be trusted. Nothing is set right in silence: each is flagged.
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
"""The hierarchy from wide to narrow; a line is the make, or the letters that its families begin with."""

FIRST_YEAR = 1970.0
SEPARATOR = "\x1f"
"""Between the parts of a key that is made of several columns."""


@dataclass(frozen=True)
class Observations:
    """Machines [n]; NaN where a number is not known, an empty text where a word is not.

    ``time`` is the day of sale or valuation in years with fractions, ``age_years`` counts from the middle of the build
    year, ``hours`` are in the unit of the mapping, ``condition`` rises with quality. ``levels`` holds a key for each of
    LEVELS, ``words`` the attributes and the region.
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
        """Age at the time [n]; never below 0."""
        return np.maximum(self.time - self.build_year - 0.5, 0.0)

    def __len__(self) -> int:
        """Number of machines."""
        return len(self.ids)

    def take(self, rows: Int | Bool) -> Observations:
        """Some of the machines, in the order of the rows."""
        taken = {field.name: _take(getattr(self, field.name), rows) for field in fields(self)}
        return Observations(**taken)


def _take(column: Any, rows: Int | Bool) -> Any:  # noqa: ANN401 - a column, or a mapping of them
    if isinstance(column, Mapping):
        return {name: inner[rows] for name, inner in column.items()}
    return column[rows]


Table = Mapping[str, Sequence[str]]
"""The cells of a file by column."""


def observe(table: Table, mapping: ColumnMap, time: Float, count: int) -> Observations:
    """The machines [count] in the cells of a file at their times; the price is read where the file has it."""
    words = _Words(table, mapping, count)
    category, class_, family, model = (words.joined(mapping.level(level)) for level in _MAPPED)
    line = words.joined(mapping.make) if mapping.make else _each(family, model_names.line_of_family)
    price, reference = words.number(mapping.price), words.number(mapping.reference)
    build_year, built_flags = _build_year(words.number(mapping.build_year), time, mapping)
    hours, hours_flags = _hours(words.number(mapping.hours), mapping)
    missing = bool(mapping.reference) & ~(reference > 0.0)
    wrong_price = (price <= 0.0) | np.isinf(price)
    flags = built_flags | hours_flags | np.where(missing, int(EstimateFlag.REFERENCE_MISSING), 0)
    flags |= np.where(wrong_price, int(EstimateFlag.PRICE_IMPOSSIBLE), 0)
    flags |= np.where(np.isnan(time), int(EstimateFlag.DATE_MISSING), 0)
    condition = words.condition()
    if mapping.machine:
        flags |= _histories(words.text(mapping.machine), time, hours, condition, build_year, mapping)
    return Observations(
        ids=words.text(mapping.id) if mapping.id else np.arange(1, count + 1).astype(str).astype(object),
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
        words={name: words.text(name) for name in (*mapping.attributes, mapping.region) if name},
        numbers={name: words.number(name) for name in mapping.numbers},
    )


_MAPPED = ("category", "class", "family", "model")


def _keys(category: Texts, class_: Texts, line: Texts, family: Texts, model: Texts) -> dict[str, Texts]:
    """A key per level; all but the widest hold their category, so that one name in two categories is two things."""

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
    """The build years that can be true [n], with a flag for those that cannot.

    A model year runs ahead of the calendar by up to one.
    """
    impossible = (year < mapping.oldest_build_year) | np.isinf(year)
    late = ~impossible & (year > np.floor(time) + 1.0)
    flags = np.where(impossible, int(EstimateFlag.BUILD_YEAR_IMPOSSIBLE), 0)
    flags |= np.where(late, int(EstimateFlag.BUILT_AFTER_SALE), 0)
    return np.where(impossible | late, np.nan, year), flags


def _hours(hours: Float, mapping: ColumnMap) -> tuple[Float, Int]:
    """The readings that can be true [n]; 0 is a meter not read, less than 0 or beyond the bound is impossible."""
    impossible = (hours < 0.0) | (hours > mapping.highest_hours)
    flags = np.where(impossible, int(EstimateFlag.HOURS_IMPOSSIBLE), 0)
    return np.where(impossible | (hours == 0.0), np.nan, hours), flags


HISTORY_FLAGS = {
    InspectionFlag.HOURS_FELL: EstimateFlag.HOURS_FELL,
    InspectionFlag.HOURS_TOO_FAST: EstimateFlag.HOURS_TOO_FAST,
    InspectionFlag.CONDITION_IMPROVED: EstimateFlag.CONDITION_IMPROVED,
    InspectionFlag.BUILD_YEAR_CHANGED: EstimateFlag.BUILD_YEAR_CHANGED,
}
"""What rows of one machine may contradict each other in."""


def _histories(
    machine: Texts, time: Float, hours: Float, condition: Float, build_year: Float, mapping: ColumnMap
) -> Int:
    """EstimateFlag bits [n] for rows that contradict an earlier one of the same machine."""
    most_a_day = HOURS_A_DAY if mapping.hours_unit == "hours" else np.inf
    found = check_histories(machine, (time - FIRST_YEAR) * DAYS_PER_YEAR, hours, condition, build_year, most_a_day)
    flags = np.zeros(len(machine), dtype=np.int64)
    for inspection, estimate in HISTORY_FLAGS.items():
        flags |= np.where(found & inspection, int(estimate), 0)
    return flags


class _Words:
    """The cells of a file, read as texts or numbers, those that say nothing being unknown."""

    def __init__(self, table: Table, mapping: ColumnMap, count: int) -> None:
        self.table = table
        self.mapping = mapping
        self.count = count
        self.unknown = set(mapping.unknown)

    def text(self, column: str) -> Texts:
        """The words of a column [n]."""
        if not column:
            return np.full(self.count, "", dtype=object)
        return _column_of(self._read(column, str), self.table[column], np.dtype(object))

    def joined(self, columns: Sequence[str]) -> Texts:
        """Several columns as one key [n], unknown where its last part is."""
        if not columns:
            return self.text("")
        rows = list(zip(*(self.text(column).tolist() for column in columns), strict=True))
        keys = {row: SEPARATOR.join(row) if row[-1] else "" for row in set(rows)}
        return _column_of(keys, rows, np.dtype(object))

    def number(self, column: str) -> Float:
        """The numbers of a column [n], NaN where it has none or says nothing; raises InvalidInput for other words."""
        if not column or column not in self.table:
            return np.full(self.count, np.nan)
        try:
            return _column_of(self._read(column, _number), self.table[column], np.dtype(np.float64))
        except ValueError:
            texts = self.text(column).tolist()
            at, word = next((at, text) for at, text in enumerate(texts) if text and not _is_number(text))
            raise InvalidInput(f"{column}[{at}]", repr(word[:40]), "a number") from None

    def _read(self, column: str, read: Callable[[str], Any]) -> dict[str, Any]:
        """What each distinct cell of a column is read as; one that says nothing is read as an empty text."""
        stripped = {cell: cell.strip() for cell in set(self.table[column])}
        return {cell: read("" if word in self.unknown else word) for cell, word in stripped.items()}

    def condition(self) -> Float:
        """The condition [n], rising with quality; raises InvalidInput for a word that the order does not list."""
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
    """What is known of each cell [n]: columns have few distinct cells, so that each is read once."""
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
    """What a function reads in each text [n], once for each distinct one."""
    listed = texts.tolist()
    return _column_of({text: read(_last_part(text)) if text else "" for text in set(listed)}, listed, np.dtype(object))


def _each_number(texts: Texts, read: Callable[[str], float]) -> Float:
    listed = texts.tolist()
    found = {text: read(_last_part(text)) if text else np.nan for text in set(listed)}
    return _column_of(found, listed, np.dtype(np.float64))
