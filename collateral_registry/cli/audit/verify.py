"""Verifies an export of an audit log, without settings, server and database."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, print_line
from collateral_registry.cli.server.failures import failed_or

if TYPE_CHECKING:
    from collateral_registry.domain.audit.checkpoints import PublicKey
    from collateral_registry.domain.audit.verification import Verification

GZIP = b"\x1f\x8b"


def run_verify(file: Path, key: str, checkpoints: Sequence[Path]) -> int:
    """Prints the faults of an export and what was verified; returns 1 if there is a fault."""
    has_faults = False

    def work() -> None:
        nonlocal has_faults
        from collateral_registry.domain.audit.verification import verified

        notes = [path.read_text(encoding="utf-8") for path in checkpoints]
        if notes and not key:
            raise ValueError("--key: got nothing, want the public key that verifies the checkpoints")
        with file.open("rb") as opened:
            is_compressed = opened.read(len(GZIP)) == GZIP
        with gzip.open(file, "rt", encoding="utf-8") if is_compressed else file.open(encoding="utf-8") as lines:
            try:
                found = verified(lines, _key(key), notes)
            except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
                raise ValueError(f"file: got {file}, which is damaged ({error}), want another copy") from None
        for fault in found.faults:
            print_line(str(fault))
        print_line(_described(found, has_key=bool(key)))
        has_faults = bool(found.faults)

    return failed_or(work) or (EXIT_SOME_REFUSED if has_faults else 0)


def _key(text: str) -> PublicKey | None:
    """Returns the public key that a text states, or a file of this name; raises ValueError and OSError."""
    from collateral_registry.domain.audit.checkpoints import public_key

    if not text:
        return None
    try:
        return public_key(text if "+" in text else Path(text).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"--key: {error}") from None


def _described(found: Verification, *, has_key: bool) -> str:
    """Returns what was verified."""
    lines = [f"{found.size} commits ({found.first} to {found.last}) and {found.rows} rows: {_faults(found)}"]
    if has_key:
        last = found.first + found.covered - 1
        covered = f"the newest covers commits up to {last}" if found.covered else "none covers a commit"
        logs = " and ".join(dict.fromkeys(checkpoint.origin for checkpoint in found.checkpoints))
        of = f" of {logs}" if logs else ""
        lines.append(f"{len(found.checkpoints)} checkpoints{of} are valid; {covered}")
    else:
        lines.append("checkpoints were not verified: no --key was given")
    if found.undigested:
        lines.append(f"{found.undigested} rows of a run were computed before the log began and are not in it")
    if found.unstated:
        lines.append(
            f"{found.unstated} rows are in no commit of the log and were not verified: states from before the log, and "
            "results of runs that were not published"
        )
    if found.pending_links:
        lines.append(
            f"{found.pending_links} links of feeds are not stated by a commit yet, so nothing shows who made them"
        )
    return "\n".join([*lines, f"root of the log: {found.root.hex()}"])


def _faults(found: Verification) -> str:
    count = len(found.faults)
    return "no fault" if not count else "1 fault" if count == 1 else f"{count} faults"
