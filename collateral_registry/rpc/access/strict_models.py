"""Reads settings and files strictly: an unknown name or a value of another type is refused with its place."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

_PLAIN_WORDS = {
    "Input should be": "want",
    "Field required": "want a value",
    "Extra inputs are not permitted": "got an unknown name",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "more than",
}
"""Words of pydantic and what this service writes instead."""


class StrictModel(BaseModel):
    """A part of a file, without unknown names and without conversions of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def problem_of(error: ValidationError) -> str:
    """Returns the place of the first problem and what is wanted there, without the value, which may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    wanted = first["msg"].removeprefix("Value error, ").partition(", unable to")[0]
    for found, plain in _PLAIN_WORDS.items():
        wanted = wanted.replace(found, plain)
    return ": ".join(filter(None, [".".join(str(part) for part in first["loc"]), wanted]))
