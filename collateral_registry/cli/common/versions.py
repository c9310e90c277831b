"""Prints the versions of the installed program."""

from __future__ import annotations

from collateral_registry.cli.common.client import print_line
from collateral_registry.rpc.common.versions import versions


def print_versions() -> None:
    """Prints the versions of program, contract and schema, a line each."""
    found = versions()
    print_line(f"collateral {found.program}")
    print_line(f"contract {found.contract_package} {found.contract_digest}")
    print_line(f"schema {found.schema}")
