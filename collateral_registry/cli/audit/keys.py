"""Makes a pair of keys."""

from __future__ import annotations

import os
from pathlib import Path

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.server.failures import failed_or


def run_keys(file: Path, name: str) -> int:
    """Writes a new private key to a file, prints the public key and returns the exit code."""

    def work() -> None:
        from collateral_registry.domain.audit.checkpoints import new_key

        key = new_key(name)
        os.umask(0o077)
        with file.open("x", encoding="ascii") as written:
            written.write(key.text + "\n")
        print_line(key.public.text)

    return failed_or(work)
