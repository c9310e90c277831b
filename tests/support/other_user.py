"""Another user of the machine, who has no right to anything of the service."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

UNUSED_UID = 65533

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")


@contextmanager
def common_folder() -> Iterator[Path]:
    """Provides a folder that every user may enter and list, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def started(script: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Starts a shell script of the other user.

    The user is set by a command and not by Popen, which would then fork: gRPC restarts its threads in a forked child,
    where they fail as soon as the child closes their descriptors.
    """
    identity = ["setpriv", f"--reuid={UNUSED_UID}", f"--regid={UNUSED_UID}", "--clear-groups"]
    command = [*identity, "/bin/sh", "-c", script, "sh", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")


def opened(paths: list[Path]) -> list[str]:
    """Returns the names of the files that the other user can open for reading or writing."""
    script = 'for f; do if (exec 3<"$f") 2>/dev/null || (exec 3>>"$f") 2>/dev/null; then echo "$f"; fi; done'
    with started(script, *paths) as process:
        output, _ = process.communicate(timeout=20)
    return [Path(line).name for line in output.splitlines()]
