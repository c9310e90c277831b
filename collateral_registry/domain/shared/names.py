"""Checks of resource names, ids and free text. Ids are lower case, so that ids never differ by case alone."""

from __future__ import annotations

import re

from valuation.errors import InvalidInput

ID_RULE = "1 to 63 lower case letters, digits and hyphens, beginning with a letter or digit"
TEXT_LIMIT_CHARACTERS = 200
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_CONTROL = re.compile(r"[\x00-\x1f]")


def checked_id(field: str, value: str) -> str:
    """Returns the id unchanged; raises InvalidInput if it breaks ID_RULE."""
    if not _ID.fullmatch(value):
        raise InvalidInput(field, repr(value[:80]), ID_RULE)
    return value


def id_of(field: str, name: str, *collections: str) -> tuple[str, ...]:
    """Returns the ids in a resource name such as loans/{loan}/pledges/{pledge}.

    Raises InvalidInput if the name does not consist of these collections, or if an id breaks ID_RULE.
    """
    want = "/".join(f"{collection}/{{id}}" for collection in collections)
    parts = name.split("/")
    if len(parts) != 2 * len(collections) or tuple(parts[::2]) != collections:
        raise InvalidInput(field, repr(name[:200]), want)
    return tuple(checked_id(field, part) for part in parts[1::2])


def checked_text(field: str, value: str, *, required: bool = True) -> str:
    """Returns user-supplied text without surrounding spaces.

    Raises InvalidInput if required text is missing, or the text is too long or contains control characters.
    """
    text = value.strip()
    if required and not text:
        raise InvalidInput(field, "nothing", "some text")
    if len(text) > TEXT_LIMIT_CHARACTERS:
        raise InvalidInput(field, f"{len(text)} characters", f"at most {TEXT_LIMIT_CHARACTERS} characters")
    if _CONTROL.search(text):
        raise InvalidInput(field, repr(text), "no control characters")
    return text
