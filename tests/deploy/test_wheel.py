"""The wheel works outside the repository: built from a clean clone, installed into an empty environment."""

import re
import shutil
import subprocess
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.environments import build, clean_environment, environment_with
from tests.support.postgres import wait_until
from tests.support.server import free_port, repository

pytestmark = pytest.mark.slow


def tracked(*folders):
    """Returns the files that a clone of this checkout would have, below the folders or everywhere."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders]
    listed = subprocess.run(command, cwd=repository(), capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (repository() / name).is_file()]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clean clone: what git keeps, and nothing that was generated."""
    folder = tmp_path_factory.mktemp("clone")
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository() / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(clone, tmp_path_factory):
    return build(clone, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(clone, wheel, tmp_path_factory):
    """The programs of an environment with the wheel, the partner's wheel, and the packages of the runtime lock."""
    partner = build(clone / "deploy/partner", "wheel", tmp_path_factory.mktemp("partner"))
    lock = (clone / ".ci/requirements.lock").read_text()
    needed = []
    for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE):
        try:
            needed.append(distribution(name))
        except PackageNotFoundError:  # for another platform
            continue
    return environment_with(tmp_path_factory.mktemp("environment"), [wheel, partner], needed)


@pytest.fixture
def run(programs, tmp_path):
    """Runs a program of the environment in an empty folder and returns its output."""

    def run(program, *arguments, **variables):
        done = subprocess.run(
            [programs / program, *arguments],
            cwd=tmp_path,
            env={**clean_environment(), **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def server(programs, tmp_path):
    """The address of a server of the environment with an empty book."""
    address = f"127.0.0.1:{free_port()}"
    options = ["--address", address, "--database", f"sqlite:///{tmp_path / 'book.db'}", "--business-date", "2022-06-01"]
    with (
        (tmp_path / "server.log").open("w") as log,
        subprocess.Popen(
            [programs / "collateral", "serve", *options],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=log,
            stderr=log,
        ) as process,
    ):
        wait_until(lambda: healthy(address))
        yield address
        process.terminate()
    assert process.returncode == 0


def healthy(address):
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
        except grpc.RpcError:
            return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_wheel_of_a_clean_clone_has_stubs_contract_sample_policies_and_migrations(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    protos = tracked("protos/*.proto")
    stubs = {
        Path(name).with_name(f"{Path(name).stem}{ending}")
        for name in tracked("protos/collateral_registry/*.proto")
        for ending in ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")
    }
    packaged = tracked("collateral_registry", "valuation")

    assert {str(stub).removeprefix("protos/") for stub in stubs} | {"collateral_registry/v1/descriptors.binpb"} <= names
    assert {f"collateral_registry/{name}" for name in protos} <= names
    assert set(packaged) <= names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {
        "collateral_registry",
        "valuation",
    }


def test_a_wheel_of_the_source_distribution_has_the_same_files(clone, wheel, tmp_path):
    source = build(clone, "sdist", tmp_path)
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    again = build(source.with_name(source.name.removesuffix(".tar.gz")), "wheel", tmp_path)

    assert zipfile.ZipFile(again).namelist() == zipfile.ZipFile(wheel).namelist()


def test_the_installed_program_states_its_version(run):
    assert run("collateral", "--version").startswith("collateral ")


def test_the_first_client_and_commands_of_the_readme_run_on_the_installed_packages(run, server):
    program = re.search(r"```python\n(.*?)```", (repository() / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert program is not None

    assert "loans/loan-1/breaches/1" in run("python", "-c", program.group(1), COLLATERAL_SERVER=server)
    assert "loan-1" in run("collateral", "report", "ltv", "--format", "csv", COLLATERAL_SERVER=server)
    assert "spot-price" in run("collateral", "value", "lot-a17", COLLATERAL_SERVER=server)
