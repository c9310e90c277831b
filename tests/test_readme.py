"""The README and the contributing guide agree with the repository."""

import re

from tests.support.server import repository


def test_the_readme_shows_the_first_client_of_the_examples():
    text = (repository() / "README.md").read_text(encoding="utf-8")
    program = (repository() / "examples" / "first_client.py").read_text(encoding="utf-8")

    assert f"```python\n{program}```" in text


def test_the_readme_names_files_that_exist():
    text = (repository() / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:docs|collateral_registry|examples|protos)/[\w./-]+)`", text)

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
