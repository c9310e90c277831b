"""The first clients of the examples run against a new server, and their story ends with the breach."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import Server, repository

pytestmark = pytest.mark.slow

EXAMPLES = repository() / "examples"
STORY = ["loans/loan-1/breaches/1 opened on 2022-06-23 at LTV 1.003332143", "cash cure: 8637 USD"]
LINES_LIMIT = 80
NPM, NODE = shutil.which("npm") or "", shutil.which("node") or ""


def story_of(command: list[str], folder: Path, tmp_path: Path) -> list[str]:
    """Returns the lines that a client prints which a new server answers."""
    server = Server(f"sqlite:///{tmp_path / 'first.db'}", business_date="2022-06-01").start()
    environment = {**os.environ, "COLLATERAL_SERVER": server.address}
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    server.stop()
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_the_first_client_in_python_receives_its_breach(tmp_path):
    assert story_of([sys.executable, str(EXAMPLES / "first_client.py")], tmp_path, tmp_path) == STORY


@pytest.mark.skipif(not NPM, reason="Node.js is not installed")
def test_the_first_client_in_typescript_receives_its_breach(tmp_path):
    """It runs in a copy of the parts of the repository that it reads, as after a clone."""
    for part in ("examples/node", "protos", "collateral_registry/sample"):
        ignored = shutil.ignore_patterns("node_modules", "build")
        shutil.copytree(repository() / part, tmp_path / part, ignore=ignored)
    folder = tmp_path / "examples" / "node"
    installed = subprocess.run([NPM, "ci"], cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert installed.returncode == 0, installed.stderr
    compiled = subprocess.run([NPM, "run", "build"], cwd=folder, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stdout

    assert story_of([NODE, "build/first_client.js"], folder, tmp_path) == STORY


@pytest.mark.parametrize("name", ["first_client.py", "node/first_client.ts"])
def test_a_first_client_is_short(name):
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < LINES_LIMIT


def test_the_lock_of_the_packages_names_no_registry():
    lock = (EXAMPLES / "node" / "package-lock.json").read_text(encoding="utf-8")

    assert '"integrity"' in lock
    assert '"resolved"' not in lock
    assert "://" not in lock.replace("https://opencollective.com", "").replace("https://github.com", "")
