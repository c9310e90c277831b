"""The sample book, loaded once for all tests of commands."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import Server


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite book with the sample of the end of 2021; tests copy it."""
    path = tmp_path_factory.mktemp("sample") / "book.db"
    server = Server(f"sqlite:///{path}").start()
    load = [sys.executable, "-m", "collateral_registry", "sample", "load", "--server", server.address]
    subprocess.run(load, check=True, timeout=120)
    server.stop()
    return path
