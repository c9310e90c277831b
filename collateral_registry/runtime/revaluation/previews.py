"""Computes previews of a revaluation in a process of their own, so that other calls do not wait for them.

The process of a preview whose caller has gone is killed. It ends with the preview, because a preview of a large book
takes memory in proportion to its loans.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection

from pydantic import SecretStr

from collateral_registry.clock import wall_clock
from collateral_registry.commands.revaluation.preview import PreviewJob, PreviewPart, preview_book
from collateral_registry.domain.shared.errors import Busy, DomainError
from collateral_registry.runtime.child_process import live_with_service, one_thread_each
from collateral_registry.runtime.process_memory import collect_rarely
from collateral_registry.store.engine.database import Database

NICENESS = 10
"""Niceness of the process, so that the service runs first where both need a processor."""


class Previews:
    """Computes one preview at a time."""

    def __init__(self, url: str) -> None:
        self._url = SecretStr(url)
        self._is_running = False
        self._thread = ThreadPoolExecutor(1, "preview")

    async def compute(self, job: PreviewJob) -> AsyncGenerator[PreviewPart]:
        """Yields the parts of a preview as they are computed.

        Raises Busy while another one is computed, RuntimeError if the process dies, and the errors of ``preview_book``.
        """
        if self._is_running:
            raise Busy("another preview is being computed; try again when it has ended")
        self._is_running = True
        process = None
        try:
            context = get_context("spawn")  # a fork would copy the locks of threads
            parts, other_end = context.Pipe(duplex=False)
            process = context.Process(target=_compute, args=(other_end, self._url, job), daemon=True)
            with one_thread_each():
                process.start()
            other_end.close()  # so that reading fails as soon as the process dies
            while (part := await self._next(parts)) is not None:
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            self._is_running = False
            if process is not None and process.pid is not None:
                process.kill()

    def close(self) -> None:
        """Ends the thread that reads; the process of a running preview is killed with its call."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _next(self, parts: Connection) -> PreviewPart | Exception | None:
        """Returns the next part, an error, or None at the end; raises RuntimeError if the process has died."""
        try:
            part: PreviewPart | Exception | None = await asyncio.get_running_loop().run_in_executor(
                self._thread, parts.recv
            )
        except (EOFError, OSError):
            raise RuntimeError("the process of the preview has died") from None
        return part


def _compute(parts: Connection, url: SecretStr, job: PreviewJob) -> None:
    """Sends the parts of a preview, or the error that ends it, and then None."""
    live_with_service()
    os.nice(NICENESS)
    collect_rarely()
    database = Database(url.get_secret_value(), wall_clock)
    with suppress(OSError):
        try:
            for part in preview_book(database, job):
                parts.send(part)
            parts.send(None)
        except DomainError as error:  # any other error ends this process with a traceback
            parts.send(error)
    database.close()
