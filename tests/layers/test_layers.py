"""The import contracts in pyproject.toml hold."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import repository

pytestmark = pytest.mark.slow


def test_imports_point_down_the_layers_only():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    found = subprocess.run(command, cwd=repository(), capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stdout
