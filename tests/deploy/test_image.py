"""Contents of the image, checked in the files that define it because no container engine runs the tests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "deploy/compose.yaml").read_text()


def lines_of(name):
    """Returns the patterns of an ignore file without leading stars and slashes."""
    lines = (ROOT / name).read_text().splitlines()
    return {line.removeprefix("**/").strip("/") for line in lines if line and not line.startswith("#")}


def test_files_ignored_by_git_are_ignored_by_the_image():
    """Otherwise the image could contain secrets; only wheels are brought in although git ignores them."""
    assert lines_of(".gitignore") - lines_of(".dockerignore") == {"deploy/wheels"}


def test_git_and_the_image_ignore_the_secrets_of_a_deployment():
    secrets = {f"deploy/{name}" for name in re.findall(r"\{file: \./(\w+)\}", COMPOSE)}

    assert secrets == {"deploy/postgres_password", "deploy/pgpass"}
    assert secrets | {"deploy/access"} <= lines_of(".gitignore")
    assert "./access:/etc/collateral:ro" in COMPOSE


def test_every_container_and_unit_restarts_without_limit():
    services = re.split(r"\n\n", COMPOSE.partition("services:\n")[2].partition("\nsecrets:")[0])

    assert len(services) == 2
    assert all("restart: unless-stopped" in service for service in services)
    for unit in (ROOT / "deploy/systemd").iterdir():
        assert {"Restart=always", "StartLimitIntervalSec=0", "Wants=network-online.target"} <= set(
            unit.read_text().splitlines()
        ), unit


def test_every_container_is_hardened():
    services = re.split(r"\n\n", COMPOSE.partition("services:\n")[2].partition("\nsecrets:")[0])

    lines = ("read_only: true", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]', "tmpfs: [/tmp")
    for line in (*lines, "mem_limit: ", "pids_limit: ", "healthcheck:"):
        assert all(line in service for service in services), line


def test_the_image_runs_as_a_user_by_number_checks_its_health_and_takes_its_base_as_an_argument():
    lines = (ROOT / "deploy/Dockerfile").read_text().splitlines()

    assert "USER 65534:65534" in lines
    assert any(line.startswith("HEALTHCHECK ") and line.endswith('CMD ["collateral", "health"]') for line in lines)
    assert {line for line in lines if line.startswith("FROM ")} == {"FROM ${BASE} AS build", "FROM ${BASE}"}
