"""Installs lock files into the environment of the Python that runs it: with uv if it can be had, otherwise with pip.

``python .ci/install.py LOCK…`` accepts only files whose hashes are in the locks. A uv on PATH is used; otherwise the uv
of the development lock is installed into a temporary folder. uv does not read the configuration of pip, so the index
that pip is configured to use is passed to it in its environment.
"""

import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from shutil import which

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
LOCK_OF_UV = Path(__file__).resolve().parent / "requirements-dev.lock"

UV_SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
"""Settings of pip that decide from where packages come, and the variables by which uv takes them."""

COMMA_SEPARATED = "find-links"


def main(locks: list[str]) -> int:
    """Installs the packages of the locks and returns the exit code of the program that installed them."""
    requirements = [argument for lock in locks for argument in ("-r", lock)]
    with tempfile.TemporaryDirectory() as folder:
        uv = which("uv") or fetched_uv(Path(folder))
        if uv is not None:
            command = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--require-hashes", *requirements]
            if subprocess.run(command, env=uv_environment(os.environ, pip_settings()), check=False).returncode == 0:
                return 0
        print(f"uv {'is not to be had' if uv is None else 'failed'}: pip installs the packages, in one to four minutes")
    command = [*PIP, "install", "--quiet", "--require-hashes", *requirements]
    return subprocess.run(command, check=False).returncode


def fetched_uv(folder: Path) -> str | None:
    """Installs the uv of the development lock into a folder and returns its program; None if pip cannot install it."""
    lock = folder / "uv.lock"
    lock.write_text(entry_of("uv", LOCK_OF_UV.read_text(encoding="utf-8")), encoding="utf-8")
    command = [*PIP, "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(folder), "-r", str(lock)]
    fetched = subprocess.run(command, check=False, capture_output=True).returncode == 0
    return which("uv", path=str(folder / "bin")) if fetched else None


def entry_of(package: str, lock: str) -> str:
    """Returns the lines of a lock that state the version and the hashes of a package."""
    lines: list[str] = []
    for line in lock.splitlines():
        if line.startswith(f"{package}==") or (lines and line.startswith(" ")):
            lines.append(line)
        elif lines:
            break
    return "\n".join(lines) + "\n"


def pip_settings() -> dict[str, str]:
    """Returns the settings of pip from its files and variables by their names without section."""
    listed = subprocess.run([*PIP, "config", "list"], check=False, capture_output=True, text=True).stdout
    return parsed_settings(listed)


def parsed_settings(listed: str) -> dict[str, str]:
    """Reads the output of ``pip config list``.

    Variables take precedence over the section of a command, and that over the global section.
    """
    rank = {"global": 0, "install": 1, ":env:": 2}
    found: dict[str, tuple[int, str]] = {}
    for line in listed.splitlines():
        key, _, quoted = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in rank and rank[section] >= found.get(name, (0, ""))[0]:
            found[name] = (rank[section], str(ast.literal_eval(quoted)))
    return {name: value for name, (_, value) in found.items()}


def uv_environment(environment: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of uv: the given one, with the settings of pip for which it has no variable of uv.

    All indexes are searched for a version, as by pip; the hashes decide what is accepted.
    """
    passed = {
        variable: ("," if name == COMMA_SEPARATED else " ").join(settings[name].split())
        for name, variable in UV_SETTINGS.items()
        if settings.get(name)
    }
    return {"UV_INDEX_STRATEGY": "unsafe-best-match", **passed, **environment}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
