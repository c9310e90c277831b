"""The README and the contributing guide agree with the repository."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.server import Server, repository


@pytest.mark.slow
def test_the_first_client_of_the_readme_receives_its_breach(tmp_path):
    text = (repository() / "README.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert program is not None
    server = Server(f"sqlite:///{tmp_path / 'first.db'}", business_date="2022-06-01").start()
    environment = {**os.environ, "COLLATERAL_SERVER": server.address}
    found = subprocess.run(
        [sys.executable, "-c", program.group(1)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    server.stop()

    assert found.returncode == 0, found.stderr
    assert "loans/loan-1/breaches/1" in found.stdout


def test_the_readme_names_files_that_exist():
    text = (repository() / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:docs|collateral_registry|protos)/[\w./-]+)`", text)

    assert named
    for name in named:
        assert (repository() / name).exists(), name


def test_the_contributing_guide_names_tests_and_files_that_exist():
    root, product = repository(), repository() / "collateral_registry"
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in root.glob("tests/**/test_*.py"))
    named = re.findall(r"`(test_\w+)`", text)
    paths = re.findall(r"`([\w.-]+/[\w./-]+)`", text)

    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []
    assert paths
    assert [path for path in paths if not ((root / path).exists() or (product / path).exists())] == []
