"""Starts a server, with or without the sample book, and migrates its database."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from collateral_registry.cli.common.client import EXIT_REFUSED, EXIT_USAGE, os_error_text, print_error, print_line
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

    from collateral_registry.config import Settings, has_password, unknown_names

    if has_password(database):
        raise ValueError(
            "--database: got a URL with a password, which every user can read in the list of processes; "
            "set COLLATERAL_DATABASE_URL or use a file of passwords (PGPASSFILE)"
        )
    if unknown := unknown_names(os.environ):
        raise ValueError(_unknown_setting(unknown[0]))
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
        settings = Settings(**{name: value for name, value in options.items() if value})
    except ValidationError as error:
        raise ValueError(_problem(error)) from None
    return settings


def _problem(error: ValidationError) -> str:
    """Returns the first problem of the settings in one line, without the value of a secret or unknown setting."""
    from collateral_registry.config import Settings

    first = error.errors(include_url=False)[0]
    name, wanted = "_".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
    if name not in Settings.model_fields:
        return f"collateral.env: {_unknown_setting(name.upper())}"
    return f"{name}: {wanted}" if name == "database_url" else f"{name}: got {first['input']!r}, {wanted}"


def _unknown_setting(name: str) -> str:
    from collateral_registry.config import known_name

    near = known_name(name)
    want = near or "one of those in docs/operations.md"
    return f"{name}: got an unknown setting, want {want}"


def run_server(
    address: str,
    database: str,
    business_date: str,
    processes: int,
    http_address: str,
    metrics_address: str,
    *,
    allow_jump: bool = False,
) -> int:
    """Serves until stopped and returns the exit code."""
    from collateral_registry.domain.shared.errors import DomainError
    from collateral_registry.logs import masked
    from collateral_registry.supervisor import serve_in_processes
    from valuation.errors import MissingExtra

    try:
        settings = settings_from(
            address, database, business_date, processes, http_address, metrics_address, allow_jump=allow_jump
        )
        if settings.processes == 1 and not settings.address.startswith("unix:"):
            _check_free(settings.address)
        keep_files_private()
        serve_in_processes(settings)
    except OSError as error:
        print_error(masked(os_error_text(error)))
        return EXIT_REFUSED
    except (DomainError, MissingExtra) as error:
        print_error(masked(str(error)))
        return EXIT_REFUSED
    except ValueError as error:
        print_error(masked(str(error)))
        return EXIT_USAGE
    return 0


def keep_files_private() -> None:
    """Lets only the owner read and write the files that this process and its children create: book, locks, logs."""
    os.umask(0o077)


def _check_free(address: str) -> None:
    """Raises OSError if the port cannot be listened at, before gRPC logs its own account of it."""
    host, _, port = address.rpartition(":")
    if address.startswith("unix:"):
        return
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[0][4])
    except OSError as error:
        raise OSError(f"address: got {address}, want a free port of this machine ({error.strerror})") from None


def run_migration(database: str) -> int:
    """Migrates the database and returns the exit code."""

    def work() -> str:
        from collateral_registry.bootstrap import migrate

        before, after = migrate(settings_from("", database, ""))
        return f"schema {before or 'empty'} -> {after}"

    return run_on_database(work)


def run_repair(database: str, to: str, actor: str, reason: str, *, check: bool) -> int:
    """Sets back the business date, prints what changed and returns the exit code."""

    def work() -> str:
        from collateral_registry.bootstrap import repair_date

        day = date_message("--to", to)
        for name, text in (("--actor", actor), ("--reason", reason)):
            if not text.strip():
                raise ValueError(f"{name}: want a text")
        done = repair_date(
            settings_from("", database, ""), date(day.year, day.month, day.day), actor, reason, check=check
        )
        return (
            f"business date {done.before} -> {done.after}{' (checked only)' if check else f' by commit {done.seq}'}\n"
            f"{done.commits} commits were made under later dates and stay as they are\n"
            f"{done.ended_pickups} authorisations for pick-up ended under them and stay ended"
        )

    return run_on_database(work)


def run_on_database(work: Callable[[], str]) -> int:
    """Prints what work on the database returns, or its error; returns the exit code."""
    from collateral_registry.domain.shared.errors import DomainError
    from collateral_registry.logs import masked

    keep_files_private()
    try:
        print_line(work())
    except OSError as error:
        print_error(masked(os_error_text(error)))
        return EXIT_REFUSED
    except DomainError as error:
        print_error(masked(str(error)))
        return EXIT_REFUSED
    except ValueError as error:
        print_error(masked(str(error)))
        return EXIT_USAGE
    return 0
