"""Reads the file of the lenders: the settings of each lender's book."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from collateral_registry.config import DatabaseUrl, Settings, has_password
from collateral_registry.domain.access.callers import OWN_LENDER
from collateral_registry.domain.shared.names import ID_RULE, is_id
from collateral_registry.rpc.access.strict_models import problem_of

BOOKS_LIMIT = 64
"""Most books of one service. Each has a writer process, about ten threads, and connections to its database."""

WANT = "want a TOML file with a table [LENDER] for each lender"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class _Entry(BaseModel):
    """What the file states of a lender."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    database_url: DatabaseUrl = Field(SecretStr(""), description="URL; empty means a file in data_folder/LENDER")


def settings_by_lender(settings: Settings) -> dict[str, Settings]:
    """Returns the settings of each lender's book, by lender; without a file of lenders, there is one book.

    Raises ValueError if the file is unusable.
    """
    path = settings.lenders_file
    if path is None:
        return {OWN_LENDER: settings}
    if settings.database_url.get_secret_value():
        raise ValueError("database_url: got a URL besides lenders_file, want one of them")
    try:
        return _of_entries(settings, _entries(path))
    except _Unusable as problem:
        raise ValueError(f"lenders_file: got {path} ({problem})") from None


def settings_of(settings: Settings, lender: str) -> Settings:
    """Returns the settings of the book of a lender; an empty text stands for the only book.

    Raises ValueError if the lender is unknown, or if it is not stated and there are several.
    """
    found = settings_by_lender(settings)
    if settings.lenders_file is None:
        if lender:
            raise ValueError(f"--lender: got {lender}, want none, because lenders_file is not set")
        return settings
    if lender not in found:
        raise ValueError(f"--lender: got {lender or 'none'}, want one of {', '.join(found)}")
    return found[lender]


class _Unusable(Exception):
    """What is wrong with the file."""


def _entries(path: Path) -> dict[str, _Entry]:
    try:
        text = path.read_text(encoding="utf-8")
        found = TypeAdapter(dict[str, _Entry]).validate_python(tomllib.loads(text))
    except ValidationError as error:
        raise _Unusable(f"{problem_of(error)}), {WANT}"[:-1]) from None
    except OSError as error:
        raise _Unusable(error.strerror or str(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _Unusable(f"{error}; {WANT}") from None
    if not 1 <= len(found) <= BOOKS_LIMIT:
        raise _Unusable(f"{len(found)} lenders, want 1 to {BOOKS_LIMIT}")
    with_password = any(has_password(entry.database_url.get_secret_value()) for entry in found.values())
    if with_password and stat.S_IMODE(path.stat().st_mode) & OTHERS:
        raise _Unusable("it holds a password and other users can open it; run chmod 600")
    return found


def _of_entries(settings: Settings, entries: dict[str, _Entry]) -> dict[str, Settings]:
    found: dict[str, Settings] = {}
    lender_of: dict[str, str] = {}
    for lender, entry in entries.items():
        if not is_id(lender):
            raise _Unusable(f"{lender!r}: want {ID_RULE}")
        if lender == OWN_LENDER:
            raise _Unusable(f"{lender!r}: want another name; it stands for the book of a service without this file")
        file = f"sqlite:///{settings.data_folder / lender / 'collateral.db'}"
        url = entry.database_url.get_secret_value() or file
        if url in lender_of:
            raise _Unusable(f"{lender}: the database of {lender_of[url]}; want one of its own")
        lender_of[url] = lender
        found[lender] = settings.model_copy(update={"database_url": SecretStr(url), "lenders_file": None})
    return found
