"""Optional packages are found without importing them, and their absence is an error that names the extra."""

import copy
import sys
import tomllib
from pathlib import Path

import pytest

from valuation.errors import MissingExtra
from valuation.extras import PACKAGES, check_installed, is_installed, load

DECLARED = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", PACKAGES)
def test_an_extra_of_the_code_is_one_of_the_distribution_with_its_packages(extra):
    declared = {line.partition(">")[0].replace("-", "_") for line in DECLARED[extra]}

    assert set(PACKAGES[extra]) == declared


@pytest.mark.parametrize("extra", PACKAGES)
def test_each_missing_package_of_an_extra_is_named(extra, monkeypatch):
    for package in PACKAGES[extra]:
        with monkeypatch.context() as blocked:
            blocked.setitem(sys.modules, package, None)
            assert not is_installed(extra)
            for check in (check_installed, load):
                with pytest.raises(MissingExtra) as missing:
                    check(extra)
                assert (
                    str(missing.value) == f"{extra} needs {package}: install it with pip install 'collateral[{extra}]'"
                )


def test_a_package_that_cannot_be_loaded_is_reported_with_its_cause(tmp_path, monkeypatch):
    (tmp_path / "unloadable.py").write_text("raise OSError('libgomp.so.1: no such file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(PACKAGES, "comparables", ("unloadable",))

    with pytest.raises(MissingExtra, match=r"comparables needs unloadable: it cannot be loaded \(libgomp.so.1"):
        load("comparables")


def test_a_missing_extra_is_copied_and_pickled_by_its_parts():
    error = MissingExtra("bulk", "adbc_driver_sqlite", "a cause")

    assert str(copy.copy(error)) == str(error)
