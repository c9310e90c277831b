"""Files that other users can open are reported with the command that repairs them."""

import subprocess

import pytest

from collateral_registry.store.storage.rights import open_to_others


@pytest.fixture
def book(tmp_path):
    folder = tmp_path / "a book"
    folder.mkdir(mode=0o700)
    path = folder / "book.db"
    path.touch(0o600)
    return path


def test_private_files_are_not_reported(book):
    book.parent.chmod(0o755)
    assert open_to_others(f"sqlite:///{book}") == ""


@pytest.mark.parametrize(
    ("file", "folder"), [(0o640, 0o700), (0o604, 0o755), (0o620, 0o700), (0o600, 0o770), (0o644, 0o777)]
)
def test_the_reported_command_ends_what_is_reported(book, file, folder):
    book.chmod(file)
    book.parent.chmod(folder)
    found = open_to_others(f"sqlite:///{book}")

    assert found.startswith("other users of this machine can ")
    subprocess.run(["/bin/sh", "-c", found.partition("run ")[2]], check=True)
    assert open_to_others(f"sqlite:///{book}") == ""


def test_a_write_ahead_log_is_part_of_the_book(book):
    book.with_name("book.db-wal").touch(0o644)
    book.with_name("book.db-wal").chmod(0o644)
    assert "book.db-wal" in open_to_others(f"sqlite:///{book}")


def test_postgresql_has_no_files_of_ours():
    assert open_to_others("postgresql+psycopg://host/book") == ""
