"""Results of measurements, and the memory of processes."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """Measured value with a floor or limit in the same unit, and the peak memory of the measured process in MB."""

    measure: str
    value: float
    unit: str
    floor: float
    peak_mb: float


def peak_mb() -> float:
    """Returns the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_mb_of(process: int) -> float:
    """Returns the sum of the peak memory of another process and its children in MB; shared memory counts repeatedly."""
    return sum(map(_peak_mb, [process, *children_of(process)]))


def processor_seconds_of(process: int) -> float:
    """Returns the processor time that another process and its running children have used, in seconds."""
    return sum(map(_processor_seconds, [process, *children_of(process)]))


def _processor_seconds(process: int) -> float:
    try:
        after_name = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except OSError:  # the process has ended
        return 0.0
    user, system = after_name.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _peak_mb(process: int) -> float:
    """Returns the peak memory of one process in MB, or 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def peak_mb_of_children() -> float:
    """Returns the highest peak memory of any running child of this process in MB."""
    return max(map(_peak_mb, children_of(os.getpid())), default=0.0)


def children_of(process: int) -> list[int]:
    """Returns the ids of the running children of a process."""
    processes = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [one for one in processes if _parent(one) == process]


def _parent(process: int) -> int:
    try:
        after_name = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except OSError:  # the process has ended
        return 0
    return int(after_name.split()[1])
