"""Starts a server, with or without the sample book, and migrates its database."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.formatting import date_message
from collateral_registry.cli.server.failures import run_with_settings
from collateral_registry.cli.server.settings import settings_from

if TYPE_CHECKING:
    from collateral_registry.config import Settings

SOCKET_PATH_BYTES = 107
"""Longest path of a socket of Linux."""


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
    from collateral_registry.bootstrap import check_access
    from collateral_registry.lenders import settings_by_lender
    from collateral_registry.supervisor import serve_in_processes

    def work(settings: Settings) -> None:
        # Refused here, because with several processes each would fail by itself.
        check_access(settings)
        settings_by_lender(settings)
        for number in range(settings.processes):
            _check_free("metrics_address", settings.metrics_address_of(number))
        for name in ("address", "token_address", "http_address"):
            _check_free(name, getattr(settings, name), shared=settings.processes > 1)
        serve_in_processes(settings)

    return run_with_settings(
        lambda: settings_from(
            address, database, business_date, processes, http_address, metrics_address, allow_jump=allow_jump
        ),
        work,
    )


def _check_free(name: str, address: str, *, shared: bool = False) -> None:
    """Raises OSError naming a setting if its address cannot be listened at, before gRPC logs its own account of it.

    ``shared`` is whether other processes of this service listen at the port too.
    """
    if not address:
        return
    try:
        if address.startswith("unix:"):
            _check_folder(Path(address.removeprefix("unix:").removeprefix("//")))
            return
        host, _, port = address.rpartition(":")
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if shared else socket.SO_REUSEADDR, 1)
            probe.bind(found[0][4])
    except OSError as error:
        want = "want a free port of this machine"
        raise OSError(error.errno, f"{name}: got {address}, {want} ({error.strerror})") from None


def _check_folder(path: Path) -> None:
    """Raises OSError if no socket can be made at a path."""
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        raise OSError(errno.ENAMETOOLONG, f"more than {SOCKET_PATH_BYTES} bytes")
    if not path.absolute().parent.is_dir():
        raise OSError(errno.ENOENT, f"no folder {path.parent}")
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, f"no right to make a socket in {path.parent}")


def run_migration(database: str, lender: str) -> int:
    """Migrates the database of a lender, or those of all, and returns the exit code."""

    def work(settings: Settings) -> None:
        from collateral_registry.lenders import settings_by_lender, settings_of
        from collateral_registry.maintenance import migrate

        found = {lender: settings_of(settings, lender)} if lender else settings_by_lender(settings)
        for name, one in found.items():
            before, after = migrate(one)
            print_line(f"{f'{name}: ' if one is not settings else ''}schema {before or 'empty'} -> {after}")

    return run_with_settings(lambda: settings_from("", database, ""), work)


def run_repair(database: str, lender: str, to: str, actor: str, reason: str, *, check: bool) -> int:
    """Sets back the business date, prints what changed and returns the exit code."""

    def work(settings: Settings) -> None:
        from collateral_registry.bootstrap import repair_date

        day = date_message("--to", to)
        for name, text in (("--actor", actor), ("--reason", reason)):
            if not text.strip():
                raise ValueError(f"{name}: want a text")
        done = repair_date(settings, lender, date(day.year, day.month, day.day), actor, reason, check=check)
        print_line(
            f"business date {done.before} -> {done.after}{' (checked only)' if check else f' by commit {done.seq}'}\n"
            f"{done.commits} commits were made under later dates and stay as they are\n"
            f"{done.ended_pickups} authorisations for pick-up ended under them and stay ended"
        )

    return run_on_database(database, lender, work)


def run_on_database(database: str, lender: str, work: Callable[[Settings], None]) -> int:
    """Runs work on the database of the option, of the lender or of the settings; returns the exit code."""

    def settings() -> Settings:
        from collateral_registry.lenders import settings_of

        return settings_of(settings_from("", database, ""), lender)

    return run_with_settings(settings, work)
