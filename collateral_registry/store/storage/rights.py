"""Finds files of a SQLite book that other users of the machine can open."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path

from collateral_registry.store.engine.connections import sqlite_file

SUFFIXES = ("", "-wal", "-shm")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def open_to_others(url: str) -> str:
    """Returns what other users can do with the files of a SQLite book, and the command that ends it; empty if nothing.

    A folder that others can only list is no fault, because they cannot open the files in it.
    """
    path = sqlite_file(url)
    if path is None:
        return ""
    files = [path.with_name(path.name + suffix) for suffix in SUFFIXES]
    exposed = [file for file in files if file.exists() and stat.S_IMODE(file.stat().st_mode) & OTHERS]
    commands = [f"chmod 600 {shlex.join(map(str, exposed))}"] if exposed else []
    mode = path.parent.stat().st_mode if path.parent.exists() else 0
    if mode & OTHERS_WRITE and not mode & stat.S_ISVTX:
        commands.append(f"chmod go-w {shlex.quote(str(path.parent))}")
    return _sentence(exposed, " && ".join(commands))


def _sentence(exposed: list[Path], commands: str) -> str:
    if not commands:
        return ""
    what = "can open the book" if exposed else "can replace the book"
    return f"other users of this machine {what}; run {commands}"
