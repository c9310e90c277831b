"""Reads the settings of a server from options, environment variables and the settings file, and checks their names."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collateral_registry.cli.common.formatting import date_message

if TYPE_CHECKING:
    from pydantic import ValidationError

    from collateral_registry.config import Settings

FOLLOW_CLOCK = "wall"


def settings_from(
    address: str,
    database: str,
    business_date: str,
    processes: int = 0,
    http_address: str = "",
    metrics_address: str = "",
    *,
    allow_jump: bool = False,
) -> Settings:
    """Returns the settings; options that are given override them.

    Raises ValueError naming an invalid or unknown setting, or an option with a password.
    """
    from pydantic import ValidationError

    from collateral_registry.config import SETTINGS_FILE, Settings, has_password, unknown_names

    if has_password(database):
        raise ValueError(
            "--database: got a URL with a password, which every user can read in the list of processes; "
            "set COLLATERAL_DATABASE_URL or use a file of passwords (PGPASSFILE)"
        )
    if unknown := unknown_names(os.environ):
        raise ValueError(unknown_setting(unknown[0]))
    check_settings_file(Path(SETTINGS_FILE))
    if business_date not in {"", FOLLOW_CLOCK}:
        date_message("--business-date", business_date)
    options: dict[str, Any] = {
        "address": address,
        "database_url": database,
        "business_date": business_date,
        "processes": processes,
        "http_address": http_address,
        "metrics_address": metrics_address,
        "allow_jump": allow_jump,
    }
    try:
        return Settings(**{name: value for name, value in options.items() if value})
    except ValidationError as error:
        raise ValueError(_problem(error)) from None


def check_settings_file(path: Path) -> None:
    """Raises ValueError naming the first line of a settings file that is neither one setting nor a comment.

    The library that reads the file leaves out such lines, and of a setting that is stated twice the first.
    """
    from dotenv.parser import parse_stream

    from collateral_registry.config import setting_variables

    lines: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(_text_of(path))):
        stated = binding.original.string.lstrip()
        line = binding.original.line + binding.original.string.removesuffix(stated).count("\n")
        if binding.error or (binding.key is not None and binding.value is None):
            raise ValueError(f"{path}:{line}: want NAME=value, or a comment that begins with #")
        if binding.key is None:
            continue
        name = binding.key.upper()
        if name not in setting_variables():
            raise ValueError(f"{path}:{line}: {unknown_setting(binding.key)}")
        if name in lines:
            raise ValueError(f"{path}:{line}: {name}: got a second value, want one; line {lines[name]} has the first")
        lines[name] = line


def _text_of(path: Path) -> str:
    """Returns the text of a settings file, empty if there is none; raises ValueError if it is unreadable."""
    want = "want a text file of settings in UTF-8, or none"
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ValueError(f"{path}: {want} ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: got a byte {error.object[error.start]:#04x} that is not UTF-8, {want}") from None
    if "\0" in text:
        raise ValueError(f"{path}: got a NUL character, {want}")
    return text


def unknown_setting(name: str) -> str:
    """Returns the message for a name that is no setting, without its value, which may be a secret."""
    from collateral_registry.config import PREFIX, known_name, setting_variables

    near = known_name(name)
    if not name.upper().startswith(PREFIX) and PREFIX + name.upper() not in setting_variables():
        near = ""  # such as PGPASSFILE, which no setting resembles
    return f"{name}: got an unknown setting, want {near or 'one of those in docs/operations.md'}"


def _problem(error: ValidationError) -> str:
    """Returns the first problem of the settings in one line, without the value of a secret."""
    from collateral_registry.rpc.access.strict_models import problem_of

    first = error.errors(include_url=False)[0]
    name, _, wanted = problem_of(error).partition(": ")
    return f"{name}: {wanted}" if name == "database_url" else f"{name}: got {first['input']!r}, {wanted}"
