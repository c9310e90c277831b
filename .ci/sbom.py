"""Prints a software bill of materials of the service in CycloneDX JSON, from the lock of what it installs.

``python .ci/sbom.py`` lists the packages of ``requirements.lock`` with the SHA-256 of each file that the lock accepts.
Licences are read from the packages that are installed beside it. The same lock and environment give the same bytes.
"""

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / ".ci" / "requirements.lock"
PACKAGE = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?$")
DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")
NAMES_LIMIT = 80
"""Longest name of a licence; some packages state the whole text instead."""


def bill_of(lock: str, version: str) -> dict[str, Any]:
    """Returns the bill of materials of a lock and of a version of the service; raises ValueError for another line."""
    components: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if package := PACKAGE.match(line):
            components.append(_component(**package.groupdict()))
        elif digest := DIGEST.search(line):
            components[-1]["hashes"].append({"alg": "SHA-256", "content": digest[1]})
        elif line.strip() and not line.lstrip().startswith("#"):
            raise ValueError(f"{LOCK.name}: got the line {line!r}, want a package or a hash")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "collateral", "version": version}},
        "components": components,
    }


def _component(name: str, version: str, marker: str | None) -> dict[str, Any]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    found: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if licence := _licence_of(name):
        found["licenses"] = [licence]
    if marker:
        found["properties"] = [{"name": "marker", "value": marker}]
    return {**found, "hashes": []}


def _licence_of(name: str) -> dict[str, Any] | None:
    """Returns the licence that an installed package states: an expression of SPDX, a name, or nothing."""
    try:
        stated = metadata(name)
    except PackageNotFoundError:  # a package for another platform
        return None
    if expression := stated.get("License-Expression"):
        return {"expression": expression}
    classified = [one.rpartition(" :: ")[2] for one in stated.get_all("Classifier", []) if one.startswith("License ::")]
    named = classified or [line for line in (stated.get("License") or "").splitlines()[:1] if len(line) <= NAMES_LIMIT]
    return {"license": {"name": " and ".join(named)}} if named else None


def main() -> None:
    """Prints the bill."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "([^"]+)"', project, re.MULTILINE)
    json.dump(bill_of(LOCK.read_text(encoding="utf-8"), version), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
