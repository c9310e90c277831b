"""Copies of the write-ahead log of SQLite: never during a commit, and of long logs only."""

import time
from threading import Event, Thread

import pytest
from sqlalchemy import text

from collateral_registry.store.engine.connections import LOG_BYTES, sqlite_file
from collateral_registry.store.engine.database import Database
from collateral_registry.store.storage.wal_checkpoints import checkpoint, empty_log
from tests.support.ledgers import MOMENT


@pytest.fixture
def database(sqlite_url):
    database = Database(sqlite_url, lambda: MOMENT)
    yield database
    database.close()


@pytest.fixture
def path(sqlite_url):
    return sqlite_file(sqlite_url)


@pytest.fixture
def copying(database, path):
    """Runs the thread that copies the log; setting the event ends it."""
    stop = Event()
    thread = Thread(target=checkpoint, args=(database, path, stop))
    thread.start()
    yield
    stop.set()
    thread.join()


def fill_log(database, length=LOG_BYTES * 3 // 2):
    """Commits a table of some length."""
    with database.intake([]) as intake:
        intake.connection.execute(text("CREATE TABLE IF NOT EXISTS filler (content BLOB)"))
        intake.connection.execute(text("INSERT INTO filler VALUES (zeroblob(:length))"), {"length": length})
        intake.commit()


def eventually(holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.usefixtures("copying")
def test_a_long_log_is_copied_as_soon_as_the_writer_has_had_its_turn(database, path):
    with database.intake([]) as intake:
        intake.connection.execute(text("CREATE TABLE IF NOT EXISTS filler (content BLOB)"))
        intake.connection.execute(text("INSERT INTO filler VALUES (zeroblob(:length))"), {"length": 2 * LOG_BYTES})
        intake.connection.commit()  # the turn lasts until the end of the block
        before = path.stat().st_size
        time.sleep(1)
        assert path.stat().st_size == before

    eventually(lambda: path.stat().st_size > before + LOG_BYTES)


def test_a_short_log_is_not_copied_although_its_file_was_long(database, path):
    fill_log(database)
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size > LOG_BYTES
    with database.outside_transactions() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(PASSIVE)"))

    fill_log(database, 1_000)

    assert log.stat().st_size <= LOG_BYTES


def test_the_log_is_empty_before_a_book_is_used(database, path):
    fill_log(database)

    empty_log(database)

    assert path.with_name(path.name + "-wal").stat().st_size == 0
