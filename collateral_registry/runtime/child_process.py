"""Ties the life of a child process to that of the service."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from threading import Lock, Thread

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of processes that compute side by side: one thread in each library, because together they use all
cores."""


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Lets the processes that are started in it use one thread in each library; one thread at a time starts some."""
    with _STARTING:
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update({name: before[name] or value for name, value in ONE_THREAD.items()})
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]


_STARTING = Lock()


def live_with_service() -> None:
    """Makes this child process ignore signals to the process group, and end as soon as the service has died."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    end_with_service()


def end_with_service() -> None:
    """Makes this child process end as soon as the service has died, also by a signal that no process can handle."""
    Thread(target=_end_with_service, name="service", daemon=True).start()


def _end_with_service() -> None:
    """Ends this process as soon as the service has died; a transaction that is not yet committed is undone."""
    service = parent_process()
    if service is not None:
        service.join()
        os._exit(1)
