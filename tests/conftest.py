"""Databases and servers for the tests: the real ones."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from hypothesis import settings

from tests.postgres import Cluster, SharedCluster
from tests.server import Client, Server

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def cluster(testrun_uid: str) -> Iterator[Cluster]:
    """The PostgreSQL cluster of this run."""
    shared = SharedCluster(testrun_uid[:12])
    running = shared.enter()
    yield running
    shared.leave(running)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty embedded database."""
    return f"sqlite:///{tmp_path / 'book.db'}"


@pytest.fixture
def postgres_url(cluster: Cluster) -> Iterator[str]:
    """An empty database of the PostgreSQL cluster."""
    url = cluster.new_database()
    yield url
    cluster.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database on each engine."""
    return str(request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]))


@pytest.fixture
def server(sqlite_url: str) -> Iterator[Server]:
    """A server on an empty embedded database, at the end of 2021."""
    running = Server(sqlite_url).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Stubs of one server for all tests of a module that leave nothing behind."""
    running = Server(f"sqlite:///{tmp_path_factory.mktemp('shared') / 'book.db'}").start()
    with grpc.insecure_channel(running.address) as channel:
        yield Client(channel)
    running.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Stubs of that server."""
    with grpc.insecure_channel(server.address) as channel:
        yield Client(channel)
