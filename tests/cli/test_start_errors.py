"""A server that cannot start ends with one sentence and the documented exit code."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app

pytestmark = pytest.mark.slow

COLLATERAL = str(Path(sys.executable).parent / "collateral")


def served(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [COLLATERAL, "serve", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )


def test_a_busy_port_is_reported(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        found = served("--address", address, "--database", f"sqlite:///{tmp_path / 'book.db'}")

    assert (found.returncode, found.stdout) == (4, "")
    assert found.stderr == (
        f"collateral: address: got {address}, want a free port of this machine (Address already in use)\n"
    )


def test_wrong_settings_are_reported(tmp_path):
    database = ("--database", f"sqlite:///{tmp_path / 'book.db'}")
    address = served("--address", "nonsense", *database)
    zone = served(*database, COLLATERAL_TIME_ZONE="Nowhere/Land")

    assert (address.returncode, zone.returncode) == (2, 2)
    assert address.stderr == "collateral: address: got 'nonsense', want host:port such as 127.0.0.1:50051\n"
    assert zone.stderr == "collateral: time_zone: got 'Nowhere/Land', want a time zone such as Europe/Berlin\n"


@pytest.mark.parametrize("address", ["localhost", "http://127.0.0.1:50051", "127.0.0.1:99999", "127.0.0.1:", ""])
def test_an_address_that_no_server_can_have_is_refused(address):
    found = CliRunner().invoke(app, ["report", "ltv", "--server", address])

    assert found.exit_code == 2
    assert f"got {address!r}, want host:port such as 127.0.0.1:50051" in found.stderr


def test_a_damaged_file_and_an_unwritable_folder_are_reported(tmp_path):
    (tmp_path / "book.db").write_bytes(b"no database" * 1000)
    damaged = served("--address", "127.0.0.1:0", "--database", f"sqlite:///{tmp_path / 'book.db'}")
    unwritable = served("--address", "127.0.0.1:0", "--database", "sqlite:////proc/none/book.db")

    assert (damaged.returncode, unwritable.returncode) == (4, 4)
    assert "the database file is damaged" in damaged.stderr
    assert unwritable.stderr == "collateral: /proc/none: No such file or directory\n"
    assert "Traceback" not in damaged.stderr
