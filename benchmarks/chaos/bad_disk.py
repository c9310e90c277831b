"""A disk that fails at the n-th write or sync, by a library that is preloaded into whoever writes the database."""

from __future__ import annotations

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
    """Which write or sync fails, with what, and whether those after it do as well."""

    number: int
    error: int
    how: str


def cases(numbers: Sequence[int]) -> list[Case]:
    """Each number with a broken disk that fails once, and with a full disk."""
    return [Case(n, EIO, ONCE) for n in numbers] + [Case(n, ENOSPC, FROM_THEN_ON) for n in numbers]


def build_shim(folder: Path) -> Path:
    """Compiles the library that fails writes; raises FileNotFoundError where there is no C compiler."""
    library = folder / "fail_write.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, SHIM, "-ldl"], check=True)  # noqa: S607
    library.chmod(LOADABLE)
    return library


@dataclass(frozen=True)
class BadDisk:
    """The disk of the files whose path begins so, with the file that arms it and the one that tells what it failed."""

    library: Path
    files: Path
    plan: Path
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process write to it."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAIL_FOLDER": str(self.files),
            "FAIL_PLAN": str(self.plan),
            "FAIL_LOG": str(self.log),
        }

    def arm(self, case: Case) -> None:
        """From now on writes and syncs are counted, and fail as the case says."""
        self.plan.write_text(f"{case.number} {case.error} {case.how}\n")
        self.plan.chmod(READABLE)

    @property
    def hit(self) -> bool:
        """Whether a call did fail."""
        return self.log.exists()
