"""A connection opens the file of a SQLite book, whatever its name, and never creates one in its place."""

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from collateral_registry.clock import wall_clock
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.store.engine.arrow import ArrowDatabase
from collateral_registry.store.engine.connections import libpq_url
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate, newest_version, version_of


def test_a_book_whose_file_is_gone_is_not_an_empty_one(tmp_path: Path):
    path = tmp_path / "book.db"
    url = f"sqlite:///{path}"
    with closing(Database(url, wall_clock)) as database:
        migrate(database)
        path.rename(tmp_path / "moved.db")

        database.close()  # a pooled connection would still read the moved file
        with pytest.raises(StoreUnavailable), database.read():
            pass
        with pytest.raises(StoreUnavailable):
            ArrowDatabase(url)

    assert not path.exists()


def test_a_connection_to_a_machine_that_is_gone_ends_unless_the_url_states_otherwise():
    stated = libpq_url("postgresql+psycopg://ann@db/book?keepalives_idle=90")
    assert "keepalives_idle=90" in stated
    assert "keepalives_interval=5" in stated
    assert "keepalives_idle=20" in libpq_url("postgresql+psycopg://ann@db/book")


def test_an_error_of_a_statement_does_not_state_its_parameters(database_url: str):
    with closing(Database(database_url, wall_clock)) as database:
        migrate(database)
        with pytest.raises(DBAPIError) as failed, database.write("test", Author("test", "test")) as write:
            write.connection.execute(text("INSERT INTO loan (loan_id) VALUES (:name)"), {"name": "Acme Metals"})

    assert "Acme" not in str(failed.value).partition("DETAIL")[0]


@pytest.mark.parametrize("name", ["book.db", "a b&c #1?x=2 %20 ü.db"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str):
    path = tmp_path / name
    url = URL.create("sqlite", database=str(path)).render_as_string()
    with closing(Database(url, wall_clock)) as database:
        assert migrate(database) == (None, newest_version())
        assert version_of(database) == newest_version()
        with ArrowDatabase(url).read() as connection:
            assert connection.dialect.name == "sqlite"

    assert path.exists()
