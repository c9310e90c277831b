"""Fixtures of the tests of the services of receivables."""

from collections.abc import Iterator

import pytest

from tests.support.server import Client, Server, connected


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    """Stubs of a server on an empty database of each engine."""
    server = Server(database_url).start()
    with connected(server) as stubs:
        yield stubs
    server.stop()
