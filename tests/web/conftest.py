"""A server that answers over HTTP/JSON as well."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.server import Client, Server, connected, free_port


@dataclass
class Web:
    """A server, its gRPC client, and its address over HTTP."""

    server: Server
    client: Client
    address: str


@pytest.fixture(scope="package")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    address = f"127.0.0.1:{free_port()}"
    url = f"sqlite:///{tmp_path_factory.mktemp('web') / 'book.db'}"
    server = Server(url, options=["--http-address", address]).start()
    with connected(server) as client:
        yield Web(server, client, address)
    server.stop()
