"""A backup restores the book as of its commit on both engines, or is refused as a whole."""

import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from collateral_registry.commands.loans import lending
from collateral_registry.domain.loans.agreements import Balance, Loan
from collateral_registry.domain.shared.errors import Refused, StoreUnavailable
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.backups.archive import PARTIAL_SUFFIX, manifest_of
from collateral_registry.store.backups.book import BackupName, back_up, check, restore
from collateral_registry.store.engine.database import Database
from tests.support.books import CLOCK, FIRST, do


def ignore(_share):
    """Shows no progress."""


def backed_up(database, path):
    return back_up(database.url, BackupName(path, is_folder=False), "1.2.3", ignore)[1]


def content(database):
    """Returns the rows of every table."""
    with database.read() as connection:
        return {
            name: sorted(map(repr, connection.execute(table.select()).all()))
            for name, table in SQLModel.metadata.tables.items()
        }


@pytest.fixture
def target(filled_book, tmp_path, request):
    """An empty database on the engine of the book."""
    if filled_book.is_sqlite:
        database = Database(f"sqlite:///{tmp_path / 'restored.db'}", lambda: CLOCK)
        yield database
        database.close()
        return
    cluster = request.getfixturevalue("cluster")
    url = cluster.new_database()
    database = Database(url, lambda: CLOCK)
    yield database
    database.close()
    cluster.drop_database(url)


def test_a_restored_book_has_the_same_rows_and_goes_on(filled_book, target, tmp_path):
    made = backed_up(filled_book, tmp_path / "book.backup")
    restored = restore(target, tmp_path / "book.backup", ignore)

    assert restored == made == check(tmp_path / "book.backup", ignore)
    assert content(target) == content(filled_book)
    nothing = Money(0, "EUR")
    loan = Loan("new", "Acme", "EUR", Balance(nothing, nothing, nothing, FIRST))
    do(target, lambda write: lending.create_loan(write, loan))  # its key comes from a counter


def test_the_manifest_states_what_the_backup_holds(filled_book, tmp_path):
    made = backed_up(filled_book, tmp_path / "book.backup")

    assert made.sequence == max(row for row in rows_of(filled_book, "SELECT seq FROM commit_log"))
    assert made.loans == 2
    assert (made.engine, made.release) == (filled_book.engine.dialect.name, "1.2.3")
    assert made.schema_version == rows_of(filled_book, "SELECT version_num FROM alembic_version")[0]
    assert (tmp_path / "book.backup").stat().st_mode & 0o777 == 0o600


def rows_of(database, query):
    with database.read() as connection:
        return [row[0] for row in connection.execute(text(query))]


def test_a_folder_gets_a_file_named_after_the_commit(filled_book, tmp_path):
    path, made = back_up(filled_book.url, BackupName(tmp_path / "new", is_folder=True), "1.2.3", ignore)
    assert path.name.startswith(f"collateral-{made.sequence:08d}-")
    assert manifest_of(path) == made


def test_an_existing_file_and_an_existing_book_are_kept(filled_book, target, tmp_path):
    backed_up(filled_book, tmp_path / "book.backup")
    before = (tmp_path / "book.backup").read_bytes()
    with pytest.raises(Refused, match="want a new name"):
        backed_up(filled_book, tmp_path / "book.backup")
    restore(target, tmp_path / "book.backup", ignore)
    with pytest.raises(Refused, match="database: got"):
        restore(target, tmp_path / "book.backup", ignore)

    assert (tmp_path / "book.backup").read_bytes() == before


@pytest.mark.parametrize("place", [0.3, 0.999])
def test_a_changed_byte_is_found_before_anything_is_restored(filled_book, target, tmp_path, place):
    path = tmp_path / "book.backup"
    backed_up(filled_book, path)
    damaged = bytearray(path.read_bytes())
    damaged[int(len(damaged) * place)] ^= 1
    path.write_bytes(damaged)

    with pytest.raises(Refused, match=r"^file: got "):
        restore(target, path, ignore)
    backed_up(filled_book, tmp_path / "good.backup")
    restore(target, tmp_path / "good.backup", ignore)


@pytest.mark.parametrize("length", [10, 5_000])
def test_a_truncated_file_is_no_backup(filled_book, target, tmp_path, length):
    path = tmp_path / "book.backup"
    backed_up(filled_book, path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(Refused, match="want a complete file of collateral backup"):
        restore(target, path, ignore)


def test_a_database_without_a_book_is_not_backed_up(target, tmp_path):
    with pytest.raises(Refused, match=r"^database: got "):
        backed_up(target, tmp_path / "book.backup")
    assert list(tmp_path.glob("*backup*")) == []


def test_an_interrupted_backup_leaves_nothing(filled_book, tmp_path):
    def interrupt(_share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(filled_book.url, BackupName(tmp_path / "out" / "a", is_folder=False), "1.2.3", interrupt)
    assert list((tmp_path / "out").iterdir()) == []


def child(work):
    """Runs work in a fork of this process and returns its exit code."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(60)
    return process.exitcode


@pytest.mark.slow
def test_a_killed_backup_has_no_name_and_its_rest_is_removed_by_the_next(filled_book, tmp_path):
    folder = tmp_path / "out"

    def end(_share):
        os.kill(os.getpid(), signal.SIGKILL)

    code = child(lambda: back_up(filled_book.url, BackupName(folder / "a", is_folder=False), "1.2.3", end))

    assert code == -signal.SIGKILL
    assert [path.name for path in folder.iterdir()] == [f".a{PARTIAL_SUFFIX}"]
    backed_up(filled_book, folder / "b")
    assert [path.name for path in folder.iterdir()] == ["b"]


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(filled_book, tmp_path):
    def write_little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
        with pytest.raises((OSError, StoreUnavailable)):
            backed_up(filled_book, tmp_path / "out" / "a")

    assert child(write_little) == 0
    assert list((tmp_path / "out").iterdir()) == []


def test_a_backup_of_the_other_engine_is_refused(filled_book, tmp_path):
    backed_up(filled_book, tmp_path / "book.backup")
    other = "postgresql+psycopg://host/book" if filled_book.is_sqlite else f"sqlite:///{tmp_path / 'other.db'}"
    with pytest.raises(Refused, match="of which the backup is"):
        restore(Database(other, lambda: CLOCK), tmp_path / "book.backup", ignore)


def test_an_unreachable_database_is_reported(tmp_path):
    with pytest.raises(StoreUnavailable):
        back_up(f"postgresql+psycopg://u@/b?host={tmp_path}", BackupName(Path("x"), is_folder=False), "1", ignore)
