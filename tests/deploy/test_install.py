"""The program that installs the locks uses uv if it can, takes the index from pip, and falls back to pip."""

import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = spec_from_file_location("install", ROOT / ".ci" / "install.py")
install = module_from_spec(SPEC)
SPEC.loader.exec_module(install)

LOCKS = {path.name: path.read_text() for path in (ROOT / ".ci").glob("*.lock")}


def pinned(lock):
    """Returns the packages of a lock with their versions, without the conditions on which they are installed."""
    lines = [line for line in LOCKS[lock].splitlines() if "==" in line and not line.startswith(" ")]
    return {line.removesuffix(" \\").partition(" ;")[0] for line in lines}


def program(path, code):
    """Writes a program that appends its name and arguments to the file calls next to it and ends with a code."""
    path.write_text(f'#!/bin/sh\necho "{path.name} $*" >> "{path.parent}/calls"\nexit {code}\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Replaces pip by a program that succeeds, and returns the folder of PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(install, "PIP", (str(program(tmp_path / "pip", 0)),))
    return tmp_path


def installing(programs):
    return [
        line.split(" ")[:2] for line in (programs / "calls").read_text().splitlines() if " --require-hashes " in line
    ]


def test_a_uv_on_the_path_installs_and_pip_does_not(programs):
    program(programs / "uv", 0)

    assert install.main(["a.lock"]) == 0
    assert installing(programs) == [["uv", "pip"]]


def test_pip_installs_if_uv_fails(programs, capsys):
    program(programs / "uv", 2)

    assert install.main(["a.lock"]) == 0
    assert installing(programs) == [["uv", "pip"], ["pip", "install"]]
    assert "uv failed: pip installs the packages" in capsys.readouterr().out


def test_pip_installs_if_uv_is_not_to_be_had(programs, monkeypatch, capsys):
    monkeypatch.setattr(install, "fetched_uv", lambda _: None)

    assert install.main(["a.lock"]) == 0
    assert installing(programs) == [["pip", "install"]]
    assert "uv is not to be had: pip installs the packages" in capsys.readouterr().out


def test_the_code_of_pip_is_that_of_the_program(programs, monkeypatch):
    monkeypatch.setattr(install, "fetched_uv", lambda _: None)
    program(programs / "pip", 1)

    assert install.main(["a.lock"]) == 1


def test_uv_takes_the_index_that_pip_is_configured_to_use():
    listed = "\n".join(
        [
            "global.index-url='https://global.example/simple'",
            "install.index-url='https://install.example/simple'",
            "download.index-url='https://download.example/simple'",
            "global.extra-index-url='https://one.example\\nhttps://two.example'",
            "global.find-links='/a /b'",
            ":env:.cert='/etc/ca.pem'",
        ]
    )

    assert install.uv_environment({}, install.parsed_settings(listed)) == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://install.example/simple",
        "UV_INDEX": "https://one.example https://two.example",
        "UV_FIND_LINKS": "/a,/b",
        "SSL_CERT_FILE": "/etc/ca.pem",
    }


def test_a_variable_of_pip_takes_precedence_over_its_files_and_one_of_uv_over_both(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example/simple")
    settings = install.pip_settings()

    assert install.uv_environment({}, settings)["UV_DEFAULT_INDEX"] == "https://variable.example/simple"
    assert install.uv_environment({"UV_DEFAULT_INDEX": "mine"}, settings)["UV_DEFAULT_INDEX"] == "mine"


def test_the_entry_of_a_package_is_its_version_and_hashes_alone():
    lock = "uuid==1 \\\n    --hash=a\nuv==2 \\\n    --hash=b \\\n    --hash=c\nuvloop==3 \\\n    --hash=d\n"

    assert install.entry_of("uv", lock) == "uv==2 \\\n    --hash=b \\\n    --hash=c\n"


def test_the_development_lock_has_the_packages_of_the_other_locks_in_the_same_versions():
    assert pinned("requirements.lock") | pinned("requirements-build.lock") <= pinned("requirements-dev.lock")


def test_the_build_lock_has_what_the_build_requires():
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    names = {line.partition("==")[0] for line in pinned("requirements-build.lock")}

    assert {one.replace(">", "=").partition("=")[0] for one in required} <= names
    assert {one for one in required if "==" in one} <= pinned("requirements-build.lock")


@pytest.mark.parametrize("package", ["matplotlib", "lightgbm", "adbc-driver-manager", "uv", "grpcio-tools"])
def test_the_runtime_lock_omits_what_a_first_hour_does_not_need(package):
    assert package not in {line.partition("==")[0] for line in pinned("requirements.lock")}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_package_index(lock):
    assert "://" not in LOCKS[lock]
    assert "index-url" not in LOCKS[lock]
