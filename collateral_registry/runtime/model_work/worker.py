"""Keeps one process that computes models: starts it, sends it jobs, and kills it when a job is not wanted any more."""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Event, Lock

from collateral_registry.domain.shared.errors import Busy, TooLarge
from collateral_registry.logs import logger
from collateral_registry.runtime.child_process import one_thread_each
from collateral_registry.runtime.model_work.process import Job, Progress, Raised, Result, serve

LOG = logger("model work")

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 10.0
"""Delays before a process is started again after it has died; each death without a result in between doubles it."""

MEBIBYTE = 1 << 20


class Worker:
    """One process, started by the first job and again by the first job after its death."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._lock = Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._closed = False
        self._deaths = 0

    @property
    def process_id(self) -> int:
        """Id of the process; 0 before the first job."""
        return (self._process.pid or 0) if self._process is not None else 0

    def run(self, job: Job, unwanted: Event, report: Callable[[float], None]) -> object:
        """Returns the result of a job, and passes each share of it that is done to ``report``.

        ``unwanted`` is set before the process is killed, and keeps a job that has not begun from starting another;
        the result is then None. Raises TooLarge if the memory does not suffice, the error that the work raises, Busy
        after ``close``, and RuntimeError if the process dies.
        """
        self._pause(unwanted)
        ready = self._ready(unwanted)
        if ready is None:
            return None
        process, pipe = ready
        try:
            pipe.send(job)
            while isinstance(answer := pipe.recv(), Progress):
                report(answer.share)
        except (EOFError, OSError):
            self.kill()  # waits for its end, so that the next job does not meet it dying
            if unwanted.is_set():
                return None
            raise self._death(process.exitcode) from None
        self._deaths = 0
        return self._result(answer)

    def kill(self) -> None:
        """Ends the process and its job; the next job starts another."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join()

    def close(self) -> None:
        """Ends the process for good."""
        self._closed = True
        self.kill()

    def _result(self, answer: Result | Raised) -> object:
        if isinstance(answer, Result):
            return answer.value
        if isinstance(answer.error, MemoryError):
            self.kill()  # what it has allocated may be in pieces
            raise TooLarge(self._message()) from None
        answer.error.add_note(answer.traceback)
        raise answer.error

    def _death(self, code: int | None) -> Exception:
        """Returns the error for the job whose process has died with an exit code."""
        if self._closed:
            return Busy("the server is stopping")
        self._deaths += 1
        LOG.critical("a model process has died; the next job starts another", exit_code=code)
        if code == -signal.SIGKILL:
            return TooLarge(f"the system ended the model process, as it does when memory runs out; {_ADVICE}")
        return RuntimeError(f"a model process has died with exit code {code}")

    def _message(self) -> str:
        return f"the computation needs more than {self._memory_bytes // MEBIBYTE} MiB of memory; {_ADVICE}"

    def _pause(self, unwanted: Event) -> None:
        """Waits before a process that has died is replaced, longer after each death without a result in between."""
        if self._deaths:
            unwanted.wait(min(FIRST_DELAY_SECONDS * 2 ** (self._deaths - 1), LONGEST_DELAY_SECONDS))

    def _ready(self, unwanted: Event) -> tuple[BaseProcess, Connection] | None:
        """Returns a living process and the pipe to it; None if the result is not wanted any more."""
        with self._lock:  # so that no process is started after ``kill`` has ended the one before
            if unwanted.is_set():
                return None
            if self._closed:
                raise Busy("the server is stopping")
            if self._pipe is not None and self._process is not None and self._process.is_alive():
                return self._process, self._pipe
            if self._pipe is not None:
                self._pipe.close()
            context = get_context("spawn")  # a fork would copy the locks of threads
            self._pipe, other_end = context.Pipe()
            self._process = context.Process(target=serve, args=(other_end, self._memory_bytes), daemon=True)
            with one_thread_each():
                self._process.start()
            other_end.close()  # so that reading fails as soon as the process dies
            return self._process, self._pipe


_ADVICE = "send less data, or raise the setting model_memory_bytes"
