"""The units of systemd: least privilege, limits, secrets as credentials, and settings that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from collateral_registry.cli.common.client import EXIT_REFUSED, EXIT_USAGE
from collateral_registry.config import CLIENT_VARIABLES, PREFIX, Settings

FOLDER = Path(__file__).parents[2] / "deploy/systemd"
UNITS = sorted(FOLDER.glob("*.service"))
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields} | CLIENT_VARIABLES
EXPOSURE_LIMIT = 2.0
"""Largest exposure of a unit by the scale of systemd, from 0 (locked) to 10 (open)."""

PROTECTIONS = """
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
RemoveIPC=yes
LimitCORE=0
StateDirectoryMode=0700
LimitNOFILE=65536
""".splitlines()[1:]


@pytest.fixture(params=UNITS, ids=lambda path: path.name)
def unit(request):
    return request.param


def test_every_unit_has_every_protection(unit):
    assert set(PROTECTIONS) - set(unit.read_text().splitlines()) == set()


def test_every_unit_runs_as_a_user_of_its_own_with_limits_of_memory_and_tasks(unit):
    names = {line.partition("=")[0] for line in unit.read_text().splitlines()}

    assert {"User", "MemoryHigh", "MemoryMax", "TasksMax", "StateDirectory", "WorkingDirectory"} <= names


def test_a_unit_that_reads_the_database_gets_its_password_as_a_credential(unit):
    text = unit.read_text()

    reads = "collateral.env" in text.partition("[Service]")[2]
    assert ("LoadCredential=pgpass:" in text and "PGPASSFILE=%d/pgpass" in text) == reads
    assert not re.search(r"PASSWORD|://[^/\s]*:[^/\s]*@", text)


def test_every_setting_that_a_unit_or_container_names_exists(unit):
    text = unit.read_text() + (FOLDER.parent / "compose.yaml").read_text()

    assert set(re.findall(r"COLLATERAL_[A-Z_]+", text)) <= SETTINGS


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed; the lines are tested")
def test_systemd_rates_the_exposure_of_every_unit_as_low(unit, tmp_path):
    copy = shutil.copy(unit, tmp_path / unit.name.replace("@.", "@1."))
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", copy]
    rated = subprocess.run(command, check=False, capture_output=True, text=True).stdout

    (exposure,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", rated)
    assert float(exposure) <= EXPOSURE_LIMIT


def test_the_service_stays_stopped_after_what_only_an_operator_can_change():
    """Systemd considers these codes for the main process only, so that no other command may come before it."""
    unit = (FOLDER / "collateral.service").read_text()

    assert f"\nRestartPreventExitStatus={EXIT_USAGE} {EXIT_REFUSED}\n" in unit
    assert "\nRestart=always\n" in unit
    assert not re.search("^Exec(StartPre|Condition)=", unit, re.MULTILINE)
