"""A figure with the floor it stands beside."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """What was measured, its floor in the same unit, and the most memory the measured process held."""

    measure: str
    value: float
    unit: str
    floor: float
    peak_mb: float


def peak_mb() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_mb_of(process: int) -> float:
    """The most memory that another process and its children have held, in MB; what they share is counted by each."""
    return sum(map(_peak_mb, [process, *children_of(process)]))


def _peak_mb(process: int) -> float:
    """Of one process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def peak_mb_of_children() -> float:
    """The most memory that any process now started by this one has held, in MB."""
    return max(map(_peak_mb, children_of(os.getpid())), default=0.0)


def children_of(process: int) -> list[int]:
    """The processes that a process has started and that run."""
    processes = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [one for one in processes if _parent(one) == process]


def _parent(process: int) -> int:
    try:
        after_name = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except OSError:  # it has ended meanwhile
        return 0
    return int(after_name.split()[1])
