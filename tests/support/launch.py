"""How the tests start the service: forked from a process that has read the modules once, or as its users do.

Reading the modules takes a second and a half, and a few hundred tests start a server of their own.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Protocol

PRELOADED = ["tests.support.preloaded"]


class Launched(Protocol):
    """A process that was started."""

    pid: int

    def poll(self) -> int | None:
        """The exit code; none while it runs."""

    def wait(self, timeout: float) -> int:
        """Waits for the exit code; raises TimeoutExpired."""


def spawned(arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> Launched:
    """Starts ``collateral`` as users do, with compiled modules; what it prints is appended to a file."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "collateral_registry", *arguments]
    with output.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=kept | dict(environment))


def forked(arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> Launched:
    """The same from a process that has read the modules already; its own environment is the tests'."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_collateral, args=(list(arguments), dict(environment), output))
    process.start()
    return Forked(process)


class Forked:
    """A forked process with the ways of one that was spawned."""

    def __init__(self, process: ForkServerProcess) -> None:
        """Holds a process that was started."""
        self._process = process
        self.pid = process.pid or 0

    def poll(self) -> int | None:
        """The exit code; none while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Waits for the exit code; raises TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("collateral", timeout)
        return code


def _collateral(arguments: list[str], environment: dict[str, str], output: Path) -> None:
    """The command in a fork: its output, arguments and environment are its own."""
    with output.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["collateral", *arguments]
    from collateral_registry.cli.main import main

    main()
