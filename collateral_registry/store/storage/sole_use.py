"""Reserves a SQLite file for one server, by whatever name the file is opened."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.connections import sqlite_file
from collateral_registry.store.engine.locks import turn_file

ENDING_SECONDS = 2.0
"""Longest time to wait until a stopping server releases its SQLite book."""


@contextmanager
def sole_use(url: str) -> Iterator[None]:
    """Locks a SQLite file; raises Refused if another server holds it, and OSError. PostgreSQL is not locked.

    The lock belongs to the file and not to its name, so that a symbolic link, a hard link or a mount of the same file
    leads to the same lock. Only users who can open the file can lock it.
    """
    path = sqlite_file(url)
    if path is None:
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = _locked(path)
    except BlockingIOError:
        raise Refused("DATABASE_IN_USE", f"{path} is in use by another server; stop it first") from None
    except OSError as error:
        want = "want a file that this user can create and change; correct it, or name another one in database_url"
        raise OSError(error.errno, f"database: got {path} ({error.strerror}), {want}") from None
    # SQLite's own locks of this process end when any descriptor of the file is closed. This one is closed last.
    with closing(os.fdopen(descriptor, "rb")):
        _renew_turn(path)
        yield


@retry(
    retry=retry_if_exception_type(BlockingIOError),
    stop=stop_after_delay(ENDING_SECONDS),
    wait=wait_fixed(0.02),
    reraise=True,
)
def _locked(path: Path) -> int:
    """Returns a descriptor of the file, which is created if there is none, with an exclusive lock.

    It retries for a while, because the stock writer of a killed server may still hold the lock. It raises
    BlockingIOError if the file is locked, or was replaced by another one before it was locked, and OSError if it is a
    folder, a device or a pipe, of which the last would block without O_NONBLOCK.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        _check_regular(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise BlockingIOError
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(descriptor: int) -> None:
    """Raises OSError if an open file is a device or a pipe."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")


def _renew_turn(path: Path) -> None:
    """Removes the lock file of turns, which another user may have opened, and the lock file of earlier versions."""
    for old in (turn_file(path), path.with_name(path.name + ".lock")):
        with suppress(FileNotFoundError):
            old.unlink()
