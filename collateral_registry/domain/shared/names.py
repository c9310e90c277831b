"""Checks of resource names, ids and free text. Ids are lower case, so that ids never differ by case alone."""

from __future__ import annotations

import re
import unicodedata

from valuation.errors import InvalidInput

ID_RULE = "1 to 63 lower case letters, digits and hyphens, beginning with a letter or digit"
TEXT_LIMIT_CHARACTERS = 200
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_JOINED = re.compile("(?<=[^\x00-\u024f\u200c\u200d])[\u200c\u200d]")
"""A joiner or non-joiner after a letter, sign or mark outside Latin, where it shapes text of many scripts and emoji."""

REPLACEMENT = "\ufffd"
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks without a shape."""


def checked_id(field: str, value: str) -> str:
    """Returns the id unchanged; raises InvalidInput if it breaks ID_RULE."""
    if not _ID.fullmatch(value):
        raise InvalidInput(field, repr(value[:80]), ID_RULE)
    return value


def is_id(value: str) -> bool:
    """Returns whether a text is an id by ID_RULE."""
    return _ID.fullmatch(value) is not None


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

    Raises InvalidInput if required text is missing, is too long, or has a character that refused_character finds.
    """
    text = value.strip()
    if required and not text:
        raise InvalidInput(field, "nothing", "some text")
    if len(text) > TEXT_LIMIT_CHARACTERS:
        raise InvalidInput(field, f"{len(text)} characters", f"at most {TEXT_LIMIT_CHARACTERS} characters")
    if found := refused_character(text):
        name = f"U+{ord(found):04X} {unicodedata.name(found, '')}".rstrip()
        raise InvalidInput(field, f"{text!a} with {name}", "no control, bidirectional or invisible characters")
    return text


def refused_character(text: str) -> str:
    """Returns the first character that no name and no note may have; empty if there is none.

    Such are control characters (C0, C1), line separators, halves of characters, and format characters, which change
    the direction of text or have no shape: two texts that differ in them look alike. Letters of every script are
    allowed, and so is a joiner or non-joiner after a letter, sign or mark outside Latin.
    """
    if text.isprintable() and _INVISIBLE.isdisjoint(text):
        return ""
    refused = (one for one in _JOINED.sub("", text) if one in _INVISIBLE or _is_refused(one))
    return next(refused, "")


def with_visible_characters(text: str) -> str:
    """Returns a stored text with U+FFFD in place of each character that refused_character finds today.

    Earlier versions accepted some of them, and what they stored must stay readable.
    """
    if (text.isascii() and "\x7f" not in text) or not refused_character(text):
        return text
    joiners = {found.start() for found in _JOINED.finditer(text)}
    return "".join(
        REPLACEMENT if at not in joiners and (one in _INVISIBLE or _is_refused(one)) else one
        for at, one in enumerate(text)
    )


def _is_refused(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
