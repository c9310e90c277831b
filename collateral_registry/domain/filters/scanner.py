"""Splits the text of a filter into tokens; every error states the position, counted from 1."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from valuation.errors import InvalidInput

SHOWN_CHARACTERS = 40
"""Number of characters of a token that an error shows."""

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_OPERATOR = re.compile(r"!=|<=|>=|[=<>:]")
_PLAIN = re.compile(r"""[^\s"'(),=<>!]+""")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_TOKEN = re.compile(rf"{_QUOTED.pattern}|{_OPERATOR.pattern}|{_PLAIN.pattern}|.", re.DOTALL)
_TYPOGRAPHIC_QUOTE = re.compile("[\u2018-\u201f\u00ab\u00bb\u2039\u203a]")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {r"\"": '"', r"\'": "'", r"\\": "\\", r"\/": "/"}
_ESCAPES |= {escape: json.loads(f'"{escape}"') for escape in (r"\b", r"\f", r"\n", r"\r", r"\t")}


@dataclass(frozen=True)
class Literal:
    """A value as written, without quotes and escapes, and its position."""

    text: str
    at: int


class Scanner:
    """Reads a filter from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._skip_space()

    @property
    def is_at_end(self) -> bool:
        """Whether all tokens have been read."""
        return self.at == len(self.text)

    def word(self) -> str:
        """Returns the word at the position and moves past it; empty if there is none."""
        return self._take(_WORD)

    def operator(self) -> str:
        """Returns the operator at the position and moves past it; empty if there is none."""
        return self._take(_OPERATOR)

    def skip(self, token: str) -> bool:
        """Moves past a token if it is next, and returns whether it was; a word must be complete."""
        pattern = _WORD if token.isalpha() else _TOKEN
        match = pattern.match(self.text, self.at)
        if match is None or match[0] != token:
            return False
        self._move(match.end())
        return True

    def literal(self, want: str) -> Literal:
        """Returns the value at the position; raises InvalidInput if there is none."""
        start = self.at
        quoted = self._take(_QUOTED)
        if quoted:
            return Literal(self._unescaped(quoted[1:-1], start), start)
        if _TYPOGRAPHIC_QUOTE.match(self.text, start):
            raise self.error("a text in straight quotes, such as \"Acme Metals\" or 'Acme Metals'")
        plain = self._take(_PLAIN)
        if not plain:
            is_open = self.text.startswith(('"', "'"), start)
            raise self.error("a closing quote" if is_open else want)
        return Literal(_checked(plain, start), start)

    def error(self, want: str, at: int | None = None) -> InvalidInput:
        """Returns the error that something else is wanted at a position."""
        start = self.at if at is None else at
        match = _TOKEN.match(self.text, start)
        return refused(repr(match[0][:SHOWN_CHARACTERS]) if match else "the end", start, want)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self._move(match.end())
        return match[0]

    def _move(self, to: int) -> None:
        self.at = to
        self._skip_space()

    def _skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _unescaped(self, body: str, start: int) -> str:
        def meaning(match: re.Match[str]) -> str:
            escape = match[0]
            if len(escape) == len(r"\u0000"):
                return str(json.loads(f'"{escape}"'))
            if escape not in _ESCAPES:
                raise refused(repr(escape), start + 1 + match.start(), r"an escape of JSON, such as \" or \\")
            return _ESCAPES[escape]

        # Two escapes may make one character beyond U+FFFF, as in JSON.
        text = _ESCAPE.sub(meaning, body).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return _checked(text, start)


def refused(got: str, at: int, want: str) -> InvalidInput:
    """Returns the error about a token at a position that is counted from 0."""
    return InvalidInput("filter", f"{got} at position {at + 1}", want)


def _checked(text: str, at: int) -> str:
    if _NOT_TEXT.search(text):
        raise refused(repr(text[:SHOWN_CHARACTERS]), at, "text without NUL and without halves of characters")
    return text
