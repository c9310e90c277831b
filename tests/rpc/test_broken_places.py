"""A database that is in use, newer, full or read-only gives a clear error; nothing is partially written."""

import os
import sqlite3
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import event

from collateral_registry.clock import wall_clock
from collateral_registry.commands.book.business_date import open_book
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.prices.ingest import open_series
from collateral_registry.commands.valuations.revalue import revalue
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from tests.support.launch import run
from tests.support.server import Server, free_port


def start_and_fail(url: str) -> tuple[int, str]:
    """The exit code and the output of a server that cannot start."""
    found = run("serve", "--database", url, "--address", f"127.0.0.1:{free_port()}")
    return found.returncode, found.stderr


def test_two_servers_on_one_database_file_are_refused(server):
    code, words = start_and_fail(server.url)

    assert code == 5
    assert "in use by another server" in words


@pytest.mark.slow
def test_a_database_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "book.db"
    running = Server(f"sqlite:///{path}").start()
    running.stop()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    code, words = start_and_fail(f"sqlite:///{path}")

    assert code == 4
    assert "9999" in words
    assert "newer program" in words


def test_a_full_disk_is_an_error_and_nothing_is_partially_written(tmp_path: Path):
    """The file is limited to its current size, like on a full disk."""
    database = Database(f"sqlite:///{tmp_path / 'book.db'}", wall_clock)
    migrate(database)
    open_book(database, day_of(date(2021, 12, 31)))
    event.listen(database.engine, "begin", lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1"))

    def fill() -> None:
        for number in range(1000):
            with database.write("test", Author("test", "test")) as write:
                open_series(write, PriceSeries(f"series-{number}", "copper", "t", "USD", source="x" * 200))
                commit(write)

    with pytest.raises(StoreUnavailable, match="full"):
        fill()
    with database.read() as connection:
        seq, _ = newest_commit(connection)
    with database.read() as connection:
        opened = connection.exec_driver_sql("SELECT count(*) FROM price_series").scalar_one()
    database.close()

    assert opened == seq - 1


def refusal_of_a_read_only_store(path: Path) -> str:
    """The error of a write to a database opened read-only; file permissions would not stop root."""
    database = Database(f"sqlite:///file:{path}?mode=ro&uri=true", wall_clock)
    with pytest.raises(StoreUnavailable) as caught, database.write("test", Author("test", "test")) as write:
        revalue(write, [])
    database.close()
    return str(caught.value)


@pytest.mark.slow
def test_a_read_only_database_is_reported_as_such(tmp_path: Path):
    path = tmp_path / "book.db"
    Server(f"sqlite:///{path}").start().stop()
    if os.geteuid() == 0:
        error = refusal_of_a_read_only_store(path)
        assert "readonly" in error
        return
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    code, words = start_and_fail(f"sqlite:///{path}")
    tmp_path.chmod(0o755)

    assert code == 4
    assert "collateral:" in words
