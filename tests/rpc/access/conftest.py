"""One server for the tests of rights, which takes the caller of each call from its metadata."""

from collections.abc import Iterator

import grpc
import pytest

from tests.support.callers import CallerServer
from tests.support.server import Server


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {"COLLATERAL_CONNECTION_TOKENS_PER_SECOND": "100000", "COLLATERAL_CONNECTION_TOKENS_BURST": "100000"}
    running = CallerServer(f"sqlite:///{tmp_path_factory.mktemp('rights') / 'book.db'}", environment=environment)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address) as opened:
        yield opened
