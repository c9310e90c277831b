"""Exports the audit log of a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.server.start import run_on_database

if TYPE_CHECKING:
    from collateral_registry.config import Settings


def run_export(file: Path, database: str, lender: str) -> int:
    """Writes an export and returns the exit code."""

    def work(settings: Settings) -> None:
        from collateral_registry.maintenance import export_audit_log

        lines = export_audit_log(settings, file)
        print_line(f"{file}\n{lines} lines")

    return run_on_database(database, lender, work)
