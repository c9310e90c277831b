"""Reports why a server or a command on the database failed: one message, and an exit code that states what helps."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from collateral_registry.cli.common.client import (
    EXIT_REFUSED,
    EXIT_TEMPORARY,
    EXIT_USAGE,
    os_error_text,
    print_error,
)

if TYPE_CHECKING:
    from collateral_registry.config import Settings

TEMPORARY_ERRORS = frozenset(
    {
        errno.EADDRINUSE,
        errno.EADDRNOTAVAIL,
        errno.EAGAIN,
        errno.EBUSY,
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENETDOWN,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        socket.EAI_AGAIN,
    }
)
"""Errors of the operating system that may be gone at the next start."""


def run_with_settings(settings: Callable[[], Settings], work: Callable[[Settings], None]) -> int:
    """Reads the settings and runs work with them; prints an error in one message and returns the exit code.

    Files that the process creates can be read and written by their owner only.
    """
    from collateral_registry.logs import masked

    os.umask(0o077)
    url = ""
    try:
        found = settings()
        url = found.url
        work(found)
    except failures() as error:
        print_error(masked(text_of(error, url)))
        return exit_code_of(error)
    return 0


def failed_or(work: Callable[[], None]) -> int:
    """Runs work that needs no settings; prints an error in one message and returns the exit code."""
    try:
        work()
    except failures() as error:
        print_error(text_of(error, ""))
        return exit_code_of(error)
    return 0


def failures() -> tuple[type[Exception], ...]:
    """Returns the errors by which a server or a command on the database reports that it cannot go on."""
    from collateral_registry.domain.shared.errors import DomainError
    from valuation.errors import MissingExtra

    return OSError, ValueError, DomainError, MissingExtra


def text_of(error: Exception, url: str) -> str:
    """Returns the message of an error, which names the database if that is the cause."""
    from collateral_registry.domain.shared.errors import StoreUnavailable, StoreUnusable

    if isinstance(error, OSError):
        return os_error_text(error)
    if not isinstance(error, StoreUnavailable):
        return str(error)
    if not error.cause:
        return f"database_url: got {url}, want a usable database: {error}"
    is_lasting = isinstance(error, StoreUnusable)
    remedy = "correct the database or the setting" if is_lasting else "start again once it is gone"
    return f"database_url: got {url}, want a usable database; cause: {error.cause}; {remedy}"


def exit_code_of(error: Exception) -> int:
    """Returns the exit code: whether a setting is wrong, an operator must act first, or a later start may succeed."""
    from collateral_registry.domain.shared.errors import Refused, StoreUnavailable, StoreUnusable

    if isinstance(error, StoreUnusable):
        return EXIT_REFUSED
    if isinstance(error, StoreUnavailable):
        return EXIT_TEMPORARY
    if isinstance(error, Refused):
        return EXIT_TEMPORARY if error.reason == "DATABASE_IN_USE" else EXIT_REFUSED
    if isinstance(error, OSError):
        return EXIT_TEMPORARY if error.errno in TEMPORARY_ERRORS else EXIT_REFUSED
    return EXIT_USAGE if isinstance(error, ValueError) else EXIT_REFUSED
