"""Starts the service for tests: as users start it, or faster as a fork of a process with the modules loaded.

A few hundred tests start a server of their own, so importing the modules for each of them would be slow.
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
    """A started process."""

    pid: int

    def poll(self) -> int | None:
        """Returns the exit code; None while the process runs."""

    def wait(self, timeout: float) -> int:
        """Waits for the exit code; raises TimeoutExpired."""


def spawned(arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> Launched:
    """Starts ``collateral`` as users do, with compiled modules; its output is appended to a file."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "collateral_registry", *arguments]
    with output.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=kept | dict(environment))


def forked(arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> Launched:
    """Starts ``collateral`` as a fork of a process with the modules loaded; its output is appended to a file."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_collateral, args=(list(arguments), dict(environment), output))
    process.start()
    return Forked(process)


class Forked:
    """A forked process with the interface of ``Launched``."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    def poll(self) -> int | None:
        """Returns the exit code; None while the process runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Waits for the exit code; raises TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("collateral", timeout)
        return code


def _collateral(arguments: list[str], environment: dict[str, str], output: Path) -> None:
    """Runs the command in the forked process, with its own output, arguments and environment."""
    with output.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["collateral", *arguments]
    from collateral_registry.cli.main import main

    main()
