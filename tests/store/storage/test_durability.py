"""Settings that lose acknowledged changes are found on both engines, and overridden where a session can."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from collateral_registry.clock import wall_clock
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.storage.durability import file_system_of, unsafe_settings
from tests.support.postgres import WITHOUT_DURABILITY
from tests.support.server import Server


@pytest.fixture
def opened(postgres_url):
    """Opens the database of the test again, as a new server would."""
    made = []

    def open_again():
        made.append(Database(postgres_url, wall_clock))
        return made[-1]

    yield open_again
    for database in made:
        database.close()


def test_a_cluster_without_durability_is_found(opened):
    assert WITHOUT_DURABILITY["fsync"] == "off"
    assert unsafe_settings(opened()) == "fsync = off, full_page_writes = off"


@pytest.mark.parametrize(
    ("default", "used"), [("off", "on"), ("local", "local"), ("on", "on"), ("remote_apply", "remote_apply")]
)
def test_commits_wait_for_the_disk_whatever_the_default_of_the_database(opened, default, used):
    with opened().outside_transactions() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = {default}'))
    database = opened()
    for _ in range(2):  # a connection that was returned to the pool keeps the setting
        with database.write("test", Author("test", "test")) as write:
            assert write.connection.execute(text("SHOW synchronous_commit")).scalar_one() == used


def test_a_sqlite_file_that_another_tool_has_copied_is_safe_after_the_start(sqlite_url):
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    database = Database(sqlite_url, wall_clock)
    before = unsafe_settings(database)
    migrate(database)

    assert (before, unsafe_settings(database)) == ("journal_mode = delete", "")
    database.close()


def test_another_file_in_the_place_of_a_sqlite_book_is_no_storage(sqlite_url):
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    database = Database(sqlite_url, wall_clock)
    migrate(database)
    assert unsafe_settings(database) == ""

    path.rename(path.with_suffix(".moved"))
    path.write_bytes(path.with_suffix(".moved").read_bytes())
    with pytest.raises(StoreUnavailable, match="deleted, moved or replaced"):
        unsafe_settings(database)
    with pytest.raises(StoreUnavailable, match="nothing was written"), database.write("test", Author("test", "test")):
        pass

    path.with_suffix(".moved").replace(path)
    assert unsafe_settings(database) == ""
    database.close()


def test_the_file_system_of_a_path_is_that_of_its_nearest_mount():
    mounts = "/dev/a / ext4 rw 0 0\nhost:/x /srv/my\\040books nfs4 rw 0 0\n/dev/b /srv/my\\040books/local xfs rw 0 0\n"
    assert file_system_of(Path("/srv/my books/book.db"), mounts) == "nfs4"
    assert file_system_of(Path("/srv/my books/local/book.db"), mounts) == "xfs"
    assert file_system_of(Path("/srv/book.db"), mounts) == "ext4"
    assert file_system_of(Path("/srv/book.db"), "") == ""


@pytest.mark.slow
def test_a_server_starts_on_unsafe_storage_only_if_it_is_allowed(postgres_url):
    refused = Server(postgres_url, environment={"COLLATERAL_ALLOW_UNSAFE_STORAGE": "false"})
    with pytest.raises(AssertionError, match="got fsync = off, full_page_writes = off, by which acknowledged changes"):
        refused.start()
    allowed = Server(postgres_url).start()
    assert allowed.stop() == 0
    assert "acknowledged changes can be lost when the machine fails" in allowed.said
