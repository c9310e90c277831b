"""A SQLite file has one server, by whatever name it is opened."""

import sqlite3
import subprocess
import sys

import pytest
from tenacity import stop_after_delay

from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.storage import sole_use as reservation
from collateral_registry.store.storage.sole_use import sole_use


@pytest.fixture(autouse=True)
def short_wait(monkeypatch):
    """Shortens the wait for a server that stops: those of these tests go on."""
    monkeypatch.setattr(vars(reservation)["_locked"].retry, "stop", stop_after_delay(0.1))


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book with other names: a symbolic link, a hard link, a relative path and a linked folder."""
    path = tmp_path / "book.db"
    sqlite3.connect(path).close()
    path.touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "link.db").symlink_to(path)
    (tmp_path / "other" / "hard.db").hardlink_to(path)
    (tmp_path / "folder").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path / "other")
    return path


@pytest.mark.parametrize("name", ["{}/book.db", "link.db", "hard.db", "../book.db", "{}/folder/book.db"])
def test_a_second_server_is_refused_by_any_name(book, name):
    with (
        sole_use(f"sqlite:///{book}"),
        pytest.raises(Refused, match="in use by another server"),
        sole_use(f"sqlite:///{name.format(book.parent)}"),
    ):
        pytest.fail("two servers use one file")


def test_a_released_file_can_be_used_by_another_name(book):
    with sole_use(f"sqlite:///{book}"):
        pass
    with sole_use("sqlite:///hard.db"):
        pass


def test_a_file_mounted_at_another_place_is_refused(book):
    mounted = book.parent / "mounted.db"
    mounted.touch()
    done = subprocess.run(["/bin/mount", "--bind", book, mounted], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("this machine permits no mount")
    try:
        with sole_use(f"sqlite:///{book}"), pytest.raises(Refused), sole_use(f"sqlite:///{mounted}"):
            pytest.fail("two servers use one file")
    finally:
        subprocess.run(["/bin/umount", mounted], check=True)


def test_locks_of_sqlite_in_the_same_process_stay_while_the_file_is_reserved(book):
    held = sqlite3.connect(book, isolation_level=None)
    with sole_use(f"sqlite:///{book}"):
        held.execute("BEGIN EXCLUSIVE")
        probe = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN EXCLUSIVE')"
        other = subprocess.run([sys.executable, "-c", probe, book], check=False, capture_output=True, text=True)
    held.close()

    assert "database is locked" in other.stderr


def test_a_file_replaced_while_it_was_reserved_is_reserved_under_its_own_lock(book):
    with sole_use(f"sqlite:///{book}"):
        replacement = book.with_name("new.db")
        replacement.touch()
        replacement.replace(book)
        with sole_use(f"sqlite:///{book}"):
            pass
