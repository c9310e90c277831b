"""Runs several server processes on one port and restarts those that die."""

from __future__ import annotations

import logging
import signal
import sys
import time
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess

from collateral_registry.bootstrap import prepare_books, serve
from collateral_registry.config import Settings
from collateral_registry.domain.shared.errors import DomainError, Refused
from collateral_registry.lenders import settings_by_lender
from collateral_registry.logs import logger
from collateral_registry.store.engine.connections import sqlite_file
from valuation.errors import MissingExtra

LOG = logger("collateral")

CHECK_SECONDS = 0.5
"""A stop signal is checked for this often."""

RESTART_SECONDS = 1.0
"""Delay before a process that died is restarted."""


def serve_in_processes(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM in the configured number of processes; the kernel distributes connections.

    Raises Refused if several processes are configured on SQLite, and the errors that ``prepare_books`` raises.
    """
    if settings.processes == 1:
        serve(settings)
        return
    if any(sqlite_file(book.url) is not None for book in settings_by_lender(settings).values()):
        raise Refused("ONE_PROCESS", f"processes: got {settings.processes} on SQLite, want 1, or PostgreSQL")
    prepare_books(settings)
    _Fleet(settings).run()


class _Fleet:
    """The server processes of one service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = False

    def run(self) -> None:
        """Starts the processes and keeps them running until a stop signal."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        serving = [self._started(number) for number in range(self._settings.processes)]
        while not self._stopping:
            connection.wait([process.sentinel for process in serving], CHECK_SECONDS)
            serving = [
                process if process.is_alive() else self._started_again(process, number)
                for number, process in enumerate(serving)
            ]
        for process in serving:
            process.terminate()
        for process in serving:
            process.join()

    def _started(self, number: int) -> BaseProcess:
        process = get_context("spawn").Process(target=_serve, args=(self._settings, number))
        process.start()
        return process

    def _started_again(self, dead: BaseProcess, number: int) -> BaseProcess:
        if self._stopping:
            return dead
        LOG.error("a server process has died; starting another", pid=dead.pid, exit_code=dead.exitcode)
        time.sleep(RESTART_SECONDS)
        return self._started(number)

    def _stop(self, *_signal: object) -> None:
        self._stopping = True


def _serve(settings: Settings, number: int) -> None:
    """Serves in a process of the fleet; if it cannot start, logs the cause in one line and ends with exit code 1."""
    try:
        serve(settings, process=number)
    except (DomainError, MissingExtra, OSError) as error:
        LOG.log(logging.ERROR, "a server process cannot start", cause=str(error))
        sys.exit(1)
