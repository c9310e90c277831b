"""Finds the columns of a schema in the header of a file."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from valuation.errors import InvalidInput
from valuation.tables.grid import Grid
from valuation.tables.schema import Schema

SHOWN_NAMES = 12
SHOWN_LETTERS = 40
OTHER_LETTERS = 'names in wrong letters mean another encoding: save as "CSV UTF-8"'


def key_of(name: str) -> str:
    """Returns the form of a name in which names are compared: without case, width of letters and outer spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def missing(header: Sequence[str], schema: Schema) -> list[str]:
    """Returns the required columns that a header lacks."""
    known = {key_of(name) for name in header}
    return [name for name in schema.required if key_of(name) not in known]


def places(grid: Grid, schema: Schema) -> dict[str, int]:
    """Returns the place of each column of the schema that the file has.

    Raises InvalidInput if a required column is missing, a name occurs twice, or a closed schema lacks a column.
    """
    place = f"{grid.name}: header"
    keys = [key_of(name) for name in grid.header]
    for at, key in enumerate(keys):
        if key and key in keys[:at]:
            raise InvalidInput(place, f"column {_shown(grid.header[at])} twice", "it once; rename or delete one")
    lacking = missing(grid.header, schema)
    if lacking:
        names = ", ".join(_shown(name) for name in grid.header if name)
        cut = names if len(grid.header) <= SHOWN_NAMES else f"{len(grid.header)} columns"
        raise InvalidInput(place, f"no column {lacking[0]!r} among {cut or 'no names'}", _wanted(grid, schema))
    kinds = schema.kinds()
    known = {key_of(name): name for name in kinds}
    if schema.closed:
        _refuse_others(grid, schema, keys, known)
    return {known[key]: at for at, key in enumerate(keys) if key in known}


def _refuse_others(grid: Grid, schema: Schema, keys: Sequence[str], known: dict[str, str]) -> None:
    """Raises InvalidInput for a column that the schema lacks; a column without a name must be empty."""
    for at, key in enumerate(keys):
        if key and key not in known:
            want = f"only {', '.join(schema.kinds())}"
            raise InvalidInput(f"{grid.name}: header", f"column {_shown(grid.header[at])}", want)
        if not key and any(row[at].strip() for row in grid.rows if at < len(row)):
            raise InvalidInput(f"{grid.name}: header", f"no name in column {at + 1}", "a name for each column")


def _wanted(grid: Grid, schema: Schema) -> str:
    """Returns what a header without a required column needs; names of other letters may be in another encoding."""
    wanted = f"{', '.join(schema.required)} in the first row, separated by comma, semicolon or tab"
    parts = [wanted, schema.hint, "" if "".join(grid.header).isascii() else OTHER_LETTERS]
    return "; ".join(part for part in parts if part)


def _shown(name: str) -> str:
    return repr(name[:SHOWN_LETTERS])
