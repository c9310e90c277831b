"""Column mapping of a sales file, read from TOML and checked before any row is read.

A level (category, class, family, model) and the make can consist of several columns that are joined. Entries are
optional, except that fitting needs price, sale date and at least one level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import MAXYEAR, MINYEAR
from pathlib import Path
from typing import Any

from valuation.errors import InvalidInput
from valuation.tables.mapping import read_document, typed

SINGLE = ("id", "machine", "price", "sale_date", "build_year", "hours", "condition", "reference", "region")
JOINED = ("make", "category", "class", "family", "model")
LISTED = ("attributes", "numbers")
LEVELS = ("category", "class", "family", "model")

UNKNOWN_WORDS = ("", "NA", "N/A", "NaN", "nan", "null", "None")
"""Cell contents that by default mean an unknown value."""

MARKETABILITIES = ("commodity", "production_line", "single_purpose")

OLDEST_SALE_YEAR = 1980
"""Default first year of valid sale dates; earlier dates are typing errors that would distort the market index."""


@dataclass(frozen=True)
class ColumnMap:
    """Columns of a file by meaning, and settings for reading their values.

    ``machine`` identifies a machine that can have several rows, which are then checked against each other. ``hours`` is
    the usage meter in ``hours_unit``, for a vehicle the odometer. ``condition_order`` lists the condition words from
    worst to best; without it the condition is a number that rises with quality. Build years before
    ``oldest_build_year`` and hours above ``highest_hours`` count as unknown and are flagged. Sales dated before
    ``oldest_sale_year`` or after today are not used for fitting.
    """

    id: str = ""
    machine: str = ""
    price: str = ""
    sale_date: str = ""
    build_year: str = ""
    hours: str = ""
    condition: str = ""
    reference: str = ""
    region: str = ""
    make: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    class_: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    currency: str = ""
    hours_unit: str = "hours"
    condition_order: tuple[str, ...] = ()
    unknown: tuple[str, ...] = UNKNOWN_WORDS
    oldest_build_year: int = 1900
    oldest_sale_year: int = OLDEST_SALE_YEAR
    highest_hours: float = 1e6
    marketability: str = "commodity"

    def __post_init__(self) -> None:
        """Raises InvalidInput for a mapping without any level, or a setting out of range."""
        if not any((self.category, self.class_, self.family, self.model)):
            raise InvalidInput("columns", "no category, class, family or model", "at least one level to compare by")
        if self.marketability not in MARKETABILITIES:
            raise InvalidInput("marketability", repr(self.marketability), "one of " + ", ".join(MARKETABILITIES))
        if not self.highest_hours > 0:
            raise InvalidInput("highest_hours", self.highest_hours, "more than 0")
        if not MINYEAR <= self.oldest_sale_year <= MAXYEAR:
            raise InvalidInput("oldest_sale_year", self.oldest_sale_year, f"a year from {MINYEAR} to {MAXYEAR}")

    def level(self, name: str) -> tuple[str, ...]:
        """Returns the columns of a level."""
        columns: tuple[str, ...] = getattr(self, "class_" if name == "class" else name)
        return columns

    def needed(self, extra: Sequence[str] = ()) -> set[str]:
        """Returns all mapped columns except price and sale date, plus the columns in ``extra``."""
        single = {getattr(self, name) for name in SINGLE if name not in {"price", "sale_date"}}
        joined = {column for name in JOINED for column in self.level(name)}
        return (single | joined | set(self.attributes) | set(self.numbers) | set(extra)) - {""}

    def document(self) -> dict[str, Any]:
        """Returns the mapping as plain values for JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def check_read_alike(learned: ColumnMap, assets: ColumnMap) -> None:
    """Raises InvalidInput if a mapping of assets differs from the model's mapping in a setting that both use.

    The settings compared are currency, meter unit and condition order.
    """
    compared = (
        ("currency", bool(learned.currency and assets.currency)),
        ("hours_unit", bool(learned.hours and assets.hours)),
        ("condition_order", bool(learned.condition and assets.condition)),
    )
    for name, both in compared:
        wanted, given = getattr(learned, name), getattr(assets, name)
        if both and wanted != given:
            raise InvalidInput(f"reading.{name}", repr(given), f"{wanted!r} as in the model")


def read_mapping(path: Path) -> ColumnMap:
    """Reads a mapping from a TOML file; raises InvalidInput that names an invalid entry."""
    columns = (*SINGLE, *JOINED, *LISTED)
    settings = {field.name for field in fields(ColumnMap)} - {*columns, "class_"}
    document = read_document(path, {"columns": columns, "reading": sorted(settings)})
    entries = document["columns"] | document["reading"]
    return mapping_of({("class_" if name == "class" else name): given for name, given in entries.items()})


def mapping_of(document: Mapping[str, Any]) -> ColumnMap:
    """Builds a mapping from plain values; raises InvalidInput for a value of the wrong type."""
    defaults = {field.name: field.default for field in fields(ColumnMap)}
    settings: dict[str, Any] = {name: typed(name, given, defaults[name]) for name, given in document.items()}
    return ColumnMap(**settings)
