"""What processes that compute side by side inherit."""

import os
import sys
from threading import Thread

import pytest

from collateral_registry.runtime.child_process import ONE_THREAD, one_thread_each

ROUNDS, THREADS = 300, 6


@pytest.fixture
def rapid_switches():
    """Lets threads interrupt each other as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("rapid_switches")
def test_threads_that_start_processes_leave_the_environment_as_it_was(monkeypatch):
    for name in ONE_THREAD:
        monkeypatch.delenv(name, raising=False)
    seen = set()

    def start() -> None:
        for _ in range(ROUNDS):
            with one_thread_each():
                seen.update(os.environ.get(name) for name in ONE_THREAD)

    threads = [Thread(target=start) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == {"1"}
    assert not ONE_THREAD.keys() & os.environ.keys()
