"""Reads files again when they change, so that identities and certificates are replaced without a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from collateral_registry.logs import logger

T = TypeVar("T")

Stamps = Mapping[Path, tuple[int, int, int] | None]
"""What changes with the content of each file; None for a missing file."""

LOG = logger("access")


class Reloaded(Generic[T]):
    """A value that files contain.

    ``read`` returns it with the files that it was read from, or raises ValueError. The files are compared after every
    ``seconds``. While they are damaged, the value of before stays, and each cause is logged once.
    """

    def __init__(self, what: str, read: Callable[[], tuple[T, Iterable[Path]]], seconds: float) -> None:
        """Reads the files; raises ValueError if they are damaged."""
        self._what, self._read, self._seconds = what, read, seconds
        self._lock = Lock()
        self._cause = ""
        self._value, paths = read()
        self._stamps = _stamps(paths)
        self._next = monotonic() + seconds

    def current(self) -> T:
        """Returns the value of the newest files that are not damaged."""
        if monotonic() >= self._next:
            with self._lock:
                self._next = monotonic() + self._seconds
                if self._cause or _stamps(self._stamps) != self._stamps:
                    self._reload()
        return self._value

    def _reload(self) -> None:
        before = _stamps(self._stamps)
        cause = self._cause
        try:
            value, paths = self._read()
        except ValueError as error:
            self._cause = str(error)
        else:
            # A file that changed while it was read has another stamp than before, and is read once more.
            self._value, self._cause, self._stamps = value, "", {**_stamps(paths), **_common(before, paths)}
            LOG.info("changed files are used", of=self._what)
        if self._cause not in {"", cause}:
            LOG.error("changed files cannot be used; what was read before holds", of=self._what, cause=self._cause)


def _stamps(paths: Iterable[Path]) -> dict[Path, tuple[int, int, int] | None]:
    return {path: _stamp(path) for path in paths}


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _common(stamps: Stamps, paths: Iterable[Path]) -> dict[Path, tuple[int, int, int] | None]:
    return {path: stamps[path] for path in paths if path in stamps}
