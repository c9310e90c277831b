"""``collateral health`` for probes of containers and scripts."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import free_port

pytestmark = pytest.mark.slow

COLLATERAL = str(Path(sys.executable).parent / "collateral")


def health(address):
    """Runs the command."""
    command = [COLLATERAL, "health", "--server", address]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_health_has_the_exit_code_0_for_a_serving_server_and_1_where_none_answers(server):
    serving, absent = health(server.address), health(f"127.0.0.1:{free_port()}")

    assert (serving.returncode, absent.returncode) == (0, 1)
    assert serving.stdout == f"{server.address} is serving\n"
    assert "does not answer" in absent.stderr
