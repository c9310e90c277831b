"""Simulates a disk that fails at the n-th write or sync, by a library preloaded into the database process."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from errno import EIO, ENOSPC
from pathlib import Path

SHIM = Path(__file__).with_name("fail_write.c")
ONCE, FROM_THEN_ON = "once", "on"
READABLE = 0o644
LOADABLE = 0o755


@dataclass(frozen=True)
class Case:
    """Number of the failing write or sync, its errno, and whether later calls fail too."""

    number: int
    error: int
    how: str


def cases(numbers: Sequence[int]) -> list[Case]:
    """Returns for each number a disk that fails once, and a disk that is full from that call on."""
    return [Case(n, EIO, ONCE) for n in numbers] + [Case(n, ENOSPC, FROM_THEN_ON) for n in numbers]


def build_shim(folder: Path) -> Path:
    """Compiles the library that fails writes; raises FileNotFoundError without a C compiler."""
    library = folder / "fail_write.so"
    compiler = shutil.which("gcc")
    if compiler is None:
        raise FileNotFoundError("gcc: got none in PATH, want a C compiler")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SHIM, "-ldl"], check=True)
    library.chmod(LOADABLE)
    return library


@dataclass(frozen=True)
class BadDisk:
    """Failing disk: path prefix of its files, file that arms it, and log of failed calls."""

    library: Path
    files: Path
    plan: Path
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of a process that uses the disk."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAIL_FOLDER": str(self.files),
            "FAIL_PLAN": str(self.plan),
            "FAIL_LOG": str(self.log),
        }

    def arm(self, case: Case) -> None:
        """Starts to count writes and syncs, which then fail according to the case."""
        self.plan.write_text(f"{case.number} {case.error} {case.how}\n")
        self.plan.chmod(READABLE)

    @property
    def hit(self) -> bool:
        """True if a call has failed."""
        return self.log.exists()
