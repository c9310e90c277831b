"""Mapping of a partner's own files: headers, local times, decimal signs and spellings, read from TOML."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from collateral_partner.movements import KINDS
from collateral_partner.tables.errors import InvalidInput
from collateral_partner.tables.header import key_of
from collateral_partner.tables.mapping import read_document, typed
from collateral_partner.tables.reader import Table
from collateral_partner.tables.schema import RECOGNISED, Notation, Schema
from collateral_partner.times import check_format

COLUMNS = (
    "movement", "kind", "time", "warehouse", "lot", "quantity", "good", "unit", "bin", "to_warehouse", "to_lot",
    "to_bin", "grade", "corrects", "document",
)  # fmt: skip
SINGLE = "quantity"
"""The one column of numbers of movements; other columns can be several of the file, which are joined."""

FIXED = ("kind", "warehouse", "good", "unit", "bin", "to_warehouse", "to_bin", "grade", "document")
"""Columns whose value can be the same for the whole file."""

VALUES = ("kind", "warehouse", "lot", "good", "unit", "bin", "to_warehouse", "to_lot", "to_bin", "grade")
"""Columns whose values can have spellings of their own."""

READING = ("time_zone", "time_format", "decimal", "thousands", "separator", "encoding")
DECIMAL_SIGNS = (".", ",")
THOUSANDS_SIGNS = (".", ",", " ", "'")
SHOWN_VALUES = 12
SHOWN_LETTERS = 40


@dataclass(frozen=True)
class FeedMapping:
    """How the files of a feed are read; columns and settings that are not stated are those of a standard file.

    ``columns`` are the headers of a column, ``fixed`` its one value, ``values`` its values by the key of a spelling.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notation: Notation = RECOGNISED
    time_zone: ZoneInfo | None = None
    time_formats: tuple[str, ...] = ()

    def in_zone(self, name: str) -> FeedMapping:
        """Returns the mapping with the time zone of this name; with the mapping's own zone if the name is empty."""
        return replace(self, time_zone=time_zone("time_zone", name)) if name else self

    def headers(self, name: str) -> tuple[str, ...]:
        """Returns the headers of a column."""
        return self.columns.get(name, (name,))

    def label(self, name: str) -> str:
        """Returns the name of a column in messages: its headers."""
        return " + ".join(self.headers(name))

    def schema(self, standard: Schema) -> Schema:
        """Returns the columns of the partner's file for those of a standard file.

        Mapped columns must be in the file. Other columns of the file are refused unless the mapping names columns.
        """
        kinds, places = standard.kinds(), self._places(standard)
        needed = {name for name in places if name in self.columns or name in standard.required}
        required = {header: kinds[name] for name in places if name in needed for header in places[name]}
        optional = {name: kinds[name] for name in places if name not in needed}
        filled = frozenset(header for name in standard.filled for header in places.get(name, ()))
        return replace(standard, required=required, optional=optional, filled=filled, closed=not self.columns)

    def cells(self, table: Table, standard: Schema) -> dict[str, list[str]]:
        """Returns the cells [n] of each column of a standard file; columns that the file lacks are not present."""
        found = {name: [value] * len(table.lines) for name, value in self.fixed.items() if name in standard.kinds()}
        for name, headers in self._places(standard).items():
            parts = [table.columns[header] for header in headers if header in table.columns]
            if parts:
                found[name] = [" ".join(filter(None, row)) for row in zip(*parts, strict=True)]
        return found

    def _places(self, standard: Schema) -> dict[str, tuple[str, ...]]:
        """Returns the headers of each column that is read; a header that is mapped has no other meaning."""
        mapped = {name: self.columns[name] for name in standard.kinds() if name in self.columns}
        taken = {key_of(header) for headers in mapped.values() for header in headers}
        own = [name for name in standard.kinds() if name not in self.columns and name not in self.fixed]
        return mapped | {name: (name,) for name in own if name in standard.required or key_of(name) not in taken}

    def value(self, name: str, cell: str) -> str:
        """Returns the value for a spelling; raises ValueError for one that a column with spellings does not have."""
        spellings = self.values.get(name, {})
        if not cell or not spellings or name in self.fixed:
            return cell
        found = spellings.get(key_of(cell))
        if found is None:
            known = ", ".join(list(spellings)[:SHOWN_VALUES]) + (", ..." if len(spellings) > SHOWN_VALUES else "")
            raise ValueError(
                f"{self.label(name)}: got {cell[:SHOWN_LETTERS]!r}, want one of {known}; add it to values.{name}"
            )
        return found


STANDARD = FeedMapping()
"""The mapping of a file whose columns have the standard names."""


@dataclass(frozen=True)
class MappedColumns:
    """What a mapping of one kind of file may name: columns, fixed values, spellings of values, and the kinds of rows.

    ``single`` is the one column of numbers.
    """

    columns: tuple[str, ...]
    single: str
    fixed: tuple[str, ...]
    values: tuple[str, ...]
    kinds: tuple[str, ...]


MOVEMENT_COLUMNS = MappedColumns(COLUMNS, SINGLE, FIXED, VALUES, KINDS)
"""What a mapping of a file of movements or of a count may name."""


def read_mapping(path: Path, names: MappedColumns = MOVEMENT_COLUMNS) -> FeedMapping:
    """Reads a mapping from a TOML file; raises InvalidInput that names an invalid entry."""
    tables = {"columns": names.columns, "fixed": names.fixed, "reading": READING, "values": names.values}
    document = read_document(path, tables)
    columns = {name: _headers(name, given, names.single) for name, given in document["columns"].items()}
    values = {name: _spellings(name, given) for name, given in document["values"].items()}
    fixed = {name: str(typed(f"fixed.{name}", given, "")) for name, given in document["fixed"].items()}
    _check_kinds("fixed", [fixed["kind"]] if "kind" in fixed else [], names.kinds)
    _check_kinds("values", values.get("kind", {}).values(), names.kinds)
    both = sorted(set(columns) & set(fixed))
    if both:
        raise InvalidInput(f"fixed.{both[0]}", repr(fixed[both[0]]), f"either this value or columns.{both[0]}")
    for name, headers in columns.items():
        if name != names.single and set(headers) & set(columns.get(names.single, ())):
            want = f"another column than that of the {names.single}"
            raise InvalidInput(f"columns.{name}", repr(columns[names.single][0]), want)
    reading = {name: typed(f"reading.{name}", given, _default(name)) for name, given in document["reading"].items()}
    formats = reading.pop("time_format", ())
    zone = str(reading.pop("time_zone", ""))
    mapping = FeedMapping(
        columns,
        fixed,
        values,
        _notation({name: str(given) for name, given in reading.items()}),
        time_zone("reading.time_zone", zone) if zone else None,
        tuple(formats) if isinstance(formats, tuple) else (),
    )
    for one in mapping.time_formats:
        check_format(one)
    return mapping


def time_zone(place: str, name: str) -> ZoneInfo:
    """Returns the time zone of a name; raises InvalidInput for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise InvalidInput(place, repr(name), "a time zone such as Asia/Shanghai, Europe/Berlin or UTC") from None


def _default(name: str) -> object:
    return () if name == "time_format" else ""


def _headers(name: str, given: object, single: str) -> tuple[str, ...]:
    headers = typed(f"columns.{name}", given, "" if name == single else ())
    found = headers if isinstance(headers, tuple) else (str(headers),)
    if not found or not all(header.strip() for header in found):
        raise InvalidInput(f"columns.{name}", repr(given), "the header of a column")
    return found


def _spellings(name: str, given: object) -> dict[str, str]:
    """Returns the values of a column by the keys of their spellings; a value is also a spelling of itself."""
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise InvalidInput(f"values.{name}", repr(given), 'a table of texts such as "铜" = "copper"')
    found: dict[str, str] = {}
    for spelling, value in given.items():
        if found.setdefault(key_of(spelling), value) != value:
            raise InvalidInput(f"values.{name}", f"{spelling!r} twice", "one value for each spelling")
    for value in given.values():
        found.setdefault(key_of(value), value)
    return found


def _check_kinds(table: str, kinds: Iterable[str], known: Iterable[str]) -> None:
    """Raises InvalidInput for a kind of item that does not exist."""
    for kind in kinds:
        if kind.upper() not in known:
            raise InvalidInput(f"{table}.kind", repr(kind), f"one of {', '.join(known)}")


def _notation(given: Mapping[str, str]) -> Notation:
    """Returns the notation of the entries; raises InvalidInput for a sign or encoding that cannot be."""
    notation = Notation(**given)
    _one_of("decimal", notation.decimal, DECIMAL_SIGNS)
    _one_of("thousands", notation.thousands, THOUSANDS_SIGNS)
    if notation.decimal and notation.decimal == notation.thousands:
        raise InvalidInput("reading.thousands", repr(notation.thousands), "another sign than reading.decimal")
    if notation.separator and (len(notation.separator) != 1 or notation.separator in '"\r\n'):
        raise InvalidInput("reading.separator", repr(notation.separator), 'one character such as ";" or "\\t"')
    if notation.encoding:
        try:
            codecs.lookup(notation.encoding)
            "".encode(notation.encoding)
        except LookupError:
            want = "an encoding of text such as utf-8, gb18030 or windows-1252"
            raise InvalidInput("reading.encoding", repr(notation.encoding), want) from None
    return notation


def _one_of(name: str, given: str, signs: Iterable[str]) -> None:
    if given and given not in signs:
        raise InvalidInput(f"reading.{name}", repr(given), "one of " + " ".join(map(repr, signs)))
