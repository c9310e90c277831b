"""Real databases and servers for the tests."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from collateral_registry.clock import wall_clock
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from tests.support.books import open_empty_book, open_filled_book
from tests.support.launch import forked, run
from tests.support.ledgers import MOMENT, LedgerFeed
from tests.support.memory import keep_files_in_memory
from tests.support.postgres import Cluster, SharedCluster
from tests.support.server import Client, Server, connected
from tests.support.statements import share_compiled_statements
from tests.support.templates import Build, PostgresCopies, SqliteCopies, Templates

keep_files_in_memory()
Server.launch = staticmethod(forked)
share_compiled_statements()

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("steady")


SLOW_FIXTURES = {
    "cluster",
    "prepared_database",
    "postgres_url",
    "server",
    "client",
    "shared_client",
    "sample_file",
    "web",
    "browser",
}
"""Fixtures that start a server or PostgreSQL, or stand for one that a package defines under the same name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option of ``make test-fast``, and the folder of public data that is not part of the repository."""
    parser.addoption("--fast", action="store_true", help="deselect tests that need a server, PostgreSQL or seconds")
    parser.addoption("--data", type=Path, help="folder of public data; tests that read it are skipped without it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects slow tests under ``--fast``, and makes the others fail if they start a process."""
    if not config.getoption("--fast"):
        return
    slow = [item for item in items if _is_slow(item)]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in set(slow)]
    for starter, method in ((subprocess.Popen, "__init__"), (BaseProcess, "start")):
        setattr(starter, method, _refuse_process)


def _is_slow(item: pytest.Item) -> bool:
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    on_postgresql = any(isinstance(value, str) and value == "postgresql" for value in parameters)
    fixtures = set(getattr(item, "fixturenames", ()))
    is_marked = any(item.get_closest_marker(name) is not None for name in ("slow", "long"))
    return on_postgresql or not fixtures.isdisjoint(SLOW_FIXTURES) or is_marked


def _refuse_process(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a test of make test-fast started a process: mark it with pytest.mark.slow")


@pytest.fixture(scope="session")
def data_folder(request: pytest.FixtureRequest) -> Path:
    """The folder of ``--data``."""
    folder: Path | None = request.config.getoption("--data")
    if folder is None:
        pytest.skip("pass the folder of public data with --data")
    return folder


@pytest.fixture(scope="session")
def cluster(testrun_uid: str) -> Iterator[Cluster]:
    """The PostgreSQL cluster of this run."""
    shared = SharedCluster(testrun_uid[:12])
    running = shared.enter()
    yield running
    shared.leave(running)


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with an empty schema."""
    path = tmp_path_factory.mktemp("prepared") / "book.db"
    _prepare(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def prepared_database(cluster: Cluster) -> str:
    """A PostgreSQL database with an empty schema."""
    url = cluster.new_database()
    _prepare(url)
    return url


def _prepare(url: str) -> None:
    """Migrates the database that the tests copy, so that migrations run once and not in each test."""
    database = Database(url, wall_clock)
    migrate(database)
    database.close()


@pytest.fixture
def sqlite_url(tmp_path: Path, prepared_file: Path) -> str:
    """An empty SQLite database."""
    return f"sqlite:///{shutil.copy(prepared_file, tmp_path / 'book.db')}"


@pytest.fixture
def postgres_url(cluster: Cluster, prepared_database: str) -> Iterator[str]:
    """An empty PostgreSQL database."""
    url = cluster.copy_database(prepared_database)
    yield url
    cluster.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database on each engine."""
    return str(request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]))


@pytest.fixture
def feed(database_url: str) -> Iterator[LedgerFeed]:
    """A feed of ledger entries on an empty database of each engine."""
    database = Database(database_url, lambda: MOMENT)
    yield LedgerFeed(database)
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def schemaless_url(request: pytest.FixtureRequest, tmp_path: Path, cluster: Cluster) -> Iterator[str]:
    """A database without a schema on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'first.db'}"
        return
    url = cluster.new_database()
    yield url
    cluster.drop_database(url)


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite book with the sample of the end of 2021; tests copy it."""
    path = tmp_path_factory.mktemp("sample") / "book.db"
    server = Server(f"sqlite:///{path}").start()
    run("sample", "load", server=server.address).check_returncode()
    server.stop()
    return path


@pytest.fixture
def server(sqlite_url: str) -> Iterator[Server]:
    """A server on an empty SQLite database, with the last day of 2021 as business date."""
    running = Server(sqlite_url).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Stubs of one server for the tests of a module, which must leave its book unchanged."""
    running = Server(f"sqlite:///{tmp_path_factory.mktemp('shared') / 'book.db'}").start()
    with connected(running) as client:
        yield client
    running.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Stubs of the server of the test."""
    with connected(server) as client:
        yield client


@pytest.fixture
def empty_book(database_url: str) -> Iterator[Database]:
    """An empty book on each engine."""
    database = open_empty_book(database_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def sqlite_templates(prepared_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The books on SQLite that tests copy."""
    return Templates(SqliteCopies(prepared_file, tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="session")
def postgres_templates(prepared_database: str, cluster: Cluster) -> Templates:
    """The books on PostgreSQL that tests copy."""
    return Templates(PostgresCopies(prepared_database, cluster))


@pytest.fixture(params=["sqlite", "postgresql"])
def built_book(request: pytest.FixtureRequest) -> Iterator[Callable[[Build], Database]]:
    """Returns, on each engine, a copy of the book that a function builds."""
    templates = request.getfixturevalue(
        {"sqlite": "sqlite_templates", "postgresql": "postgres_templates"}[request.param]
    )
    with ExitStack() as stack:
        yield lambda build: templates.copy(build, stack)


@pytest.fixture
def filled_book(built_book: Callable[[Build], Database]) -> Database:
    """A book with assets of three kinds and two loans on each engine."""
    return built_book(open_filled_book)
