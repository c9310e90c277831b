"""Fixtures of the tests of stock intake."""

import pytest

from collateral_registry.clock import wall_clock
from collateral_registry.commands.feeds.intake import source_shard
from collateral_registry.store.engine.database import Database
from tests.support.server import Server


@pytest.fixture
def blocked_writer(database_url):
    """Starts an intake of the feed acme at another server, which blocks the writer of the server under test."""
    database = Database(database_url, wall_clock)
    yield lambda: database.intake([source_shard("acme")])
    database.close()


@pytest.fixture
def running(database_url):
    """A running server on an empty database of each engine."""
    server = Server(database_url).start()
    yield server
    server.stop()
