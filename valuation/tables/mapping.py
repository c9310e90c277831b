"""Reads the mapping of a file from TOML: the columns by meaning, and the settings for reading their cells."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from valuation.errors import InvalidInput

Document = Mapping[str, dict[str, Any]]
"""Entries of a mapping by table and name."""


def read_document(path: Path, tables: Mapping[str, Iterable[str]]) -> Document:
    """Returns the entries of a TOML file; a table that the file lacks is empty.

    ``tables`` names the tables and their entries. Raises InvalidInput for a file of another form and for an unknown
    table or entry.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("mapping", str(error), "a TOML file in UTF-8") from None
    wanted = " and ".join(filter(None, (", ".join(list(tables)[:-1]), list(tables)[-1])))
    for name, entries in document.items():
        if name not in tables or not isinstance(entries, dict):
            raise InvalidInput("mapping", name, f"the tables {wanted}")
        for entry in entries:
            if entry not in tables[name]:
                raise InvalidInput(f"{name}.{entry}", "an unknown entry", "one of " + ", ".join(tables[name]))
    return {name: document.get(name, {}) for name in tables}


def typed(name: str, given: object, default: object) -> object:
    """Returns a value of the type of its default; a single text becomes a tuple of one where that is a tuple.

    Raises InvalidInput for a value of another type.
    """
    if isinstance(default, tuple):
        listed = [given] if isinstance(given, str) else given
        if not isinstance(listed, (list, tuple)) or not all(isinstance(item, str) for item in listed):
            raise InvalidInput(name, repr(given), "a text or a list of texts")
        return tuple(listed)
    wanted = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(given, wanted) or isinstance(given, bool):
        raise InvalidInput(name, repr(given), "a text" if default == "" else f"a value such as {default!r}")
    return given
