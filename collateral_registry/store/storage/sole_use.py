"""Reserves a SQLite file for one server, by whatever name the file is opened."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.database import sqlite_file, turn_file

ENDING_SECONDS = 2.0
"""Longest time to wait until a stopping server releases its SQLite book."""


@contextmanager
def sole_use(url: str) -> Iterator[None]:
    """Locks a SQLite file; raises Refused if another server holds it. PostgreSQL is not locked.

    The lock belongs to the file and not to its name, so that a symbolic link, a hard link or a mount of the same file
    leads to the same lock. Only users who can open the file can lock it.
    """
    path = sqlite_file(url)
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = _locked(path)
    except BlockingIOError:
        raise Refused("DATABASE_IN_USE", f"{path} is in use by another server; stop it first") from None
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
    BlockingIOError if the file is locked, or was replaced by another one before it was locked.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise BlockingIOError
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _renew_turn(path: Path) -> None:
    """Removes the lock file of turns, which another user may have opened, and the lock file of earlier versions."""
    for old in (turn_file(path), path.with_name(path.name + ".lock")):
        with suppress(FileNotFoundError):
            old.unlink()
