"""The process that computes models: it answers one job after the other until the service closes the pipe or dies."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from traceback import format_exception

from collateral_registry.runtime.child_process import live_with_service

NICENESS = 19
"""Niceness of the processes, so that the service runs first where both need a processor."""

FIRST_TO_END = "1000"
"""Adjustment by which Linux ends these processes before any other when the memory of the machine runs out."""


@dataclass(frozen=True)
class Job:
    """Work for a process. ``reports`` states that the work takes a function to which it passes the share done."""

    work: Callable[..., object]
    reports: bool


@dataclass(frozen=True)
class Progress:
    """The share of a job that is done."""

    share: float


@dataclass(frozen=True)
class Result:
    """What the work of a job returned."""

    value: object


@dataclass(frozen=True)
class Raised:
    """The error that the work of a job raised, and its traceback, which pickling the error would drop."""

    error: Exception
    traceback: str = ""


def serve(pipe: Connection, memory_bytes: int) -> None:
    """Computes each job that arrives, with at most ``memory_bytes`` of memory for data."""
    live_with_service()
    os.nice(NICENESS)
    with suppress(OSError):  # only Linux has it
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_END)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_computed(pipe))


def _computed(pipe: Connection) -> Result | Raised:
    """Receives one job and returns its outcome."""
    try:
        job: Job = pipe.recv()
        return Result(job.work(lambda share: pipe.send(Progress(share))) if job.reports else job.work())
    except MemoryError:
        return Raised(MemoryError())
    except (EOFError, OSError):
        raise  # the service has closed the pipe
    except Exception as error:  # noqa: BLE001 - any error is raised in the service
        return Raised(error, "".join(format_exception(error)))
