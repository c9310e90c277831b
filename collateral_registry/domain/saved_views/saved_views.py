"""Saved views: names for addresses of the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from collateral_registry.domain.shared.names import checked_text, refused_character
from valuation.errors import InvalidInput

PAGES = ("/loans", "/breaches", "/assets", "/prices", "/disposals", "/reports")
"""Paths of the pages whose addresses can be saved."""

DISPLAY_NAME_LIMIT_CHARACTERS = 80
PATH_LIMIT_CHARACTERS = 2_000

OWN_LIMIT = 100
"""Saved views of one owner."""

SHARED_LIMIT = 500
"""Shared views of one book."""

PASSING = ("page_token", "lang")
"""Fields of an address that no view keeps: the page of a list, and the language of one reader."""

_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*", re.ASCII)


@dataclass(frozen=True)
class SavedView:
    """A name for an address of the pages, and whether all readers of the book see it."""

    display_name: str
    path: str
    shared: bool

    def __post_init__(self) -> None:
        """Validates the name and the path; raises InvalidInput."""
        checked_name("display_name", self.display_name)
        checked_path("path", self.path)


def checked_name(field: str, value: str) -> str:
    """Returns the name of a view without surrounding spaces; raises InvalidInput."""
    name = checked_text(field, value)
    if len(name) > DISPLAY_NAME_LIMIT_CHARACTERS:
        raise InvalidInput(field, f"{len(name)} characters", f"at most {DISPLAY_NAME_LIMIT_CHARACTERS} characters")
    return name


def checked_path(field: str, path: str) -> str:
    """Returns a path unchanged; raises InvalidInput unless it is that of a page, with a query that a view may keep.

    Only the exact paths of PAGES are accepted, so that no saved view can lead a browser to another host or program.
    """
    if len(path) > PATH_LIMIT_CHARACTERS:
        raise InvalidInput(field, f"{len(path)} characters", f"at most {PATH_LIMIT_CHARACTERS} characters")
    page, _, query = path.partition("?")
    if page not in PAGES:
        raise InvalidInput(field, ascii(path[:80]), f"{', '.join(PAGES[:-1])} or {PAGES[-1]}, with a query or without")
    if not _QUERY.fullmatch(query):
        raise InvalidInput(field, ascii(path[:80]), "a query of ASCII characters, others percent-encoded")
    values = parse_qsl(query, keep_blank_values=True)
    if any(refused_character(text) for pair in values for text in pair):
        raise InvalidInput(field, ascii(path[:80]), "no control, bidirectional or invisible characters")
    if found := [name for name, _ in values if name in PASSING]:
        raise InvalidInput(field, f"{found[0]} in the query", f"an address without {' and '.join(PASSING)}")
    return path
