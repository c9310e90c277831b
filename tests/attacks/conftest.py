"""A server with the sample book, which the attacks share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server


@pytest.fixture(scope="module")
def attacked(sample_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the sample book."""
    running = Server(f"sqlite:///{shutil.copy(sample_file, tmp_path_factory.mktemp('attacked'))}").start()
    yield running
    running.stop()
