"""Starts the service for tests: as users start it, or faster as a fork of a process with the modules loaded.

A few hundred tests start a server of their own, so importing the modules for each of them would be slow.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
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
    return _forked(arguments, environment, output, output)


def run(*arguments: str, server: str = "", seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Runs ``collateral`` until it ends, as a fork of a process with the modules loaded; ``server`` is an address."""
    command = [*arguments, *(["--server", server] if server else [])]
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        code = _forked(command, {}, output, errors).wait(seconds)
        return subprocess.CompletedProcess(command, code, output.read_text("utf-8"), errors.read_text("utf-8"))


def _forked(arguments: Sequence[str], environment: Mapping[str, str], output: Path, errors: Path) -> Forked:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_collateral, args=(list(arguments), dict(environment), output, errors))
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


def _collateral(arguments: list[str], environment: dict[str, str], output: Path, errors: Path) -> None:
    """Runs the command in the forked process, with its own output, arguments and environment."""
    for stream, path in ((1, output), (2, errors)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), stream)
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["collateral", *arguments]
    from collateral_registry.cli.main import main

    main()
