"""Environments with wheels of the project, in which only chosen packages of this environment are visible."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution
from pathlib import Path

SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


def build(project: Path, target: str, output: Path) -> Path:
    """Builds the wheel or the source distribution ("sdist") of a project with the packages of this environment."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(output)]
    subprocess.run(command, cwd=project, env=clean_environment(), check=True, capture_output=True)
    (built,) = output.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


def environment_with(folder: Path, wheels: Iterable[Path], needed: Iterable[Distribution]) -> Path:
    """Creates an environment with the wheels and links to files of distributions; returns the folder ``bin``."""
    python = folder / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (site,) = folder.glob("venv/lib/python*/site-packages")
    install = ["pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([sys.executable, "-m", *install, *map(str, wheels)], check=True)
    shared = folder / "needed"
    shared.mkdir()
    for one in needed:
        for top in {path.parts[0] for path in one.files or () if path.parts[0] != ".."} - {"__pycache__"}:
            if not (shared / top).exists():
                (shared / top).symlink_to(SITE_PACKAGES / top)
    (site / "needed.pth").write_text(f"{shared}\n")
    return python.parent


def clean_environment() -> Mapping[str, str]:
    """Returns the variables of this process without those that point Python or the service to this checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COLLATERAL"))}
