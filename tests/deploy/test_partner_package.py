"""The partner package is small, needs nothing of the service, and pushes its sample to a real server."""

import shutil
import subprocess
import tomllib
import zipfile
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.environments import build, clean_environment, environment_with
from tests.support.server import repository

pytestmark = pytest.mark.slow

SOURCES = ("protos", "deploy/partner", "valuation/tables", "valuation/errors.py")
GENERATED = shutil.ignore_patterns("v1", "tables", "__pycache__")
SIZE_LIMIT_BYTES = 60_000_000
DIRECT = {"googleapis-common-protos", "grpcio", "protobuf", "rich", "typer", "tzdata"}
HEAVY = {"numpy", "scipy", "pandas", "pyarrow", "sqlalchemy", "sqlmodel", "psycopg", "alembic", "uvloop", "tenacity"}
OURS = {"valuation", "collateral_registry"}
PROGRAM = """
import json, sys
from collateral_partner.main import app
try:
    app(sys.argv[1:])
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the sources alone: nothing that was generated before, and no other part of the service."""
    root = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        source = repository() / name
        if source.is_file():
            shutil.copy(source, root / name)
        else:
            ignored = shutil.ignore_patterns("__pycache__") if name != "deploy/partner" else GENERATED
            shutil.copytree(source, root / name, ignore=ignored)
    return build(root / "deploy/partner", "wheel", root / "dist")


def closure(names):
    """Returns the distributions that these ones need, directly or not, on this platform."""
    found, pending = {}, list(names)
    while pending:
        name = canonicalize_name(pending.pop())
        if name in found:
            continue
        found[name] = distribution(name)
        needed = map(Requirement, found[name].requires or ())
        pending += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The programs of an environment with the wheel, in which only the packages that it needs are visible."""
    return environment_with(tmp_path_factory.mktemp("environment"), [wheel], closure(DIRECT).values())


def test_the_package_names_its_few_dependencies_and_the_service_requires_its_version():
    partner = tomllib.loads((repository() / "deploy/partner/pyproject.toml").read_text())["project"]
    service = tomllib.loads((repository() / "pyproject.toml").read_text())["project"]

    assert {Requirement(one).name for one in partner["dependencies"]} == DIRECT
    assert partner["version"] == service["version"]
    assert f"collateral-partner=={partner['version']}" in service["dependencies"]
    assert not HEAVY & set(closure(DIRECT))


def test_the_installed_environment_is_small(wheel):
    own = sum(one.file_size for one in zipfile.ZipFile(wheel).infolist())
    needed = sum(
        path.locate().stat().st_size
        for one in closure(DIRECT).values()
        for path in one.files or ()
        if path.suffix != ".pyc" and path.locate().is_file()
    )

    assert own + needed < SIZE_LIMIT_BYTES


def test_the_generated_modules_in_the_repository_are_those_of_its_sources(wheel):
    """Otherwise the tests would run on old copies: ``make setup`` generates them again."""
    package = repository() / "deploy/partner"
    with zipfile.ZipFile(wheel) as built:
        names = [
            one for one in built.namelist() if one.startswith(("collateral_partner/v1/", "collateral_partner/tables/"))
        ]
        differing = [one for one in names if built.read(one) != (package / one).read_bytes()]

    assert len(names) > 15
    assert differing == []


def test_no_file_is_in_two_wheels(wheel):
    """The wheel of the service holds its packages, and what its build adds to them."""
    build = tomllib.loads((repository() / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {one for one in tops if not one.endswith(".dist-info")} == {"collateral_partner"}
    assert set(build["packages"]) == OURS
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("google/")]


def test_the_installed_command_pushes_its_samples_to_a_real_server(environment, server, tmp_path):
    def run(*arguments):
        command = [*map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
        )

    written = run(environment / "collateral-partner", "sample", ".")
    assert written.returncode == 0, written.stderr
    for language, count in (("", 6), (".zh", 5)):
        files = (f"movements{language}.csv", "--columns", f"mapping{language}.toml")
        options = ("--source", "acme", "--server", server.address)
        found = run(environment / "python", "-c", PROGRAM, "push", *files, *options)
        loaded = set(found.stderr.splitlines()[-1].strip('[]"').split('", "'))

        assert found.stdout == f"stock: {count} booked, 0 already known, 0 rejected\n", found.stderr
        assert "grpc" in loaded
        assert not (HEAVY | OURS) & loaded
