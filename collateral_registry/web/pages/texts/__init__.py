"""All texts of the pages by language, and how they are chosen."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "zh")
"""Codes of the languages; the first is used if a reader accepts none of them."""

ACCEPTED_LIMIT = 20
"""Languages of a header that are considered."""


@dataclass(frozen=True)
class Texts:
    """The texts of one language by their keys."""

    language: str
    by_key: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Returns a text with its values; raises KeyError for an unknown key."""
        text = self.by_key[key]
        return text.format(**values) if values else text

    def count(self, key: str, n: int, **values: object) -> str:
        """Returns a text that depends on a number: that of ``key.one`` or ``key.many``."""
        return self(f"{key}.{'one' if n == 1 else 'many'}", n=n, **values)


@cache
def texts_of(language: str) -> Texts:
    """Returns the texts of a language."""
    tables = tomllib.loads(files(__name__).joinpath(f"{language}.toml").read_text("utf-8"))
    return Texts(language, {f"{table}.{key}": text for table, found in tables.items() for key, text in found.items()})


def accepted_language(header: str) -> str:
    """Returns the language that a reader prefers by the header Accept-Language."""
    best, weight = LANGUAGES[0], 0.0
    for part in header.split(",")[:ACCEPTED_LIMIT]:
        tag, _, quality = part.strip().partition(";q=")
        language = tag.strip().lower().partition("-")[0]
        found = _weight(quality)
        if language in LANGUAGES and found > weight:
            best, weight = language, found
    return best


def _weight(quality: str) -> float:
    try:
        return float(quality) if quality else 1.0
    except ValueError:
        return 0.0
