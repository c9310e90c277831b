"""Only the owner can read the files of a book, whatever the umask."""

import stat
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_the_files_of_a_book_are_created_with_mode_0600(tmp_path):
    database = f"sqlite:///{tmp_path / 'new' / 'book.db'}"
    migrated = [sys.executable, "-m", "collateral_registry", "migrate", "--database", database]
    subprocess.run(migrated, check=True, timeout=60, umask=0, capture_output=True)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}

    assert modes == {"book.db": 0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
