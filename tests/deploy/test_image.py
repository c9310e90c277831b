"""What goes into the image, told from the files that say so: no container engine runs the tests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "deploy/compose.yaml").read_text()


def lines_of(name):
    """The rules of an ignore file, without the slashes and stars that only say where."""
    lines = (ROOT / name).read_text().splitlines()
    return {line.removeprefix("**/").strip("/") for line in lines if line and not line.startswith("#")}


def test_what_git_does_not_keep_does_not_go_into_the_image():
    """Or the environment of the host, with its stamps and its interpreter, would be taken for one that is made."""
    assert lines_of(".gitignore") <= lines_of(".dockerignore")


def test_no_secret_and_no_file_of_this_deployment_goes_into_the_image_or_into_git():
    secrets = {f"deploy/{name}" for name in re.findall(r"\{file: \./(\w+)\}", COMPOSE)}

    assert secrets == {"deploy/postgres_password", "deploy/pgpass"}
    assert secrets | {"deploy/partners.json"} <= lines_of(".gitignore")


def test_every_container_and_unit_starts_again_however_long_the_other_side_is_away():
    services = re.split(r"\n\n", COMPOSE.partition("services:\n")[2].partition("\nsecrets:")[0])

    assert len(services) == 4
    assert all("restart: unless-stopped" in service for service in services)
    for unit in (ROOT / "deploy/systemd").iterdir():
        assert {"Restart=always", "StartLimitIntervalSec=0", "Wants=network-online.target"} <= set(
            unit.read_text().splitlines()
        ), unit
