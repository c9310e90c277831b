"""The bill of materials lists what the lock installs, and nothing that names a place."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci/sbom.py"
LOCK = (ROOT / ".ci/requirements.lock").read_text()


@pytest.fixture(scope="module")
def printed():
    return subprocess.run([sys.executable, SCRIPT], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def sbom():
    spec = importlib.util.spec_from_file_location("sbom", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_locked_package_is_listed_with_its_version_and_hashes(printed):
    bill = json.loads(printed)

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {f"{one['name']}=={one['version']}" for one in bill["components"]} == set(
        re.findall(r"^[\w.-]+==[^\s;\\]+", LOCK, re.MULTILINE)
    )
    assert sum(len(one["hashes"]) for one in bill["components"]) == LOCK.count("--hash=sha256:")
    assert all(one["hashes"] for one in bill["components"])


def test_most_packages_state_a_licence_and_nothing_names_a_host(printed):
    components = json.loads(printed)["components"]

    assert sum("licenses" in one for one in components) > 0.9 * len(components)
    assert "://" not in printed


def test_the_same_lock_gives_the_same_bytes_and_a_strange_line_is_refused(printed, sbom):
    again = subprocess.run([sys.executable, SCRIPT], check=True, capture_output=True, text=True).stdout

    assert again == printed
    with pytest.raises(ValueError, match="want a package or a hash"):
        sbom.bill_of("git+somewhere", "1")
