"""Fixtures of the tests of IpService."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Client, Server, connected


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server for all tests of the module."""
    folder: Path = tmp_path_factory.mktemp("ip-service")
    running = Server(f"sqlite:///{folder / 'book.db'}").start()
    with connected(running) as stubs:
        yield stubs
    running.stop()
