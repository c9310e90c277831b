"""Generates the stubs when the package is built, and puts the contract into wheels.

A wheel thus holds them whatever the checkout holds.
"""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CONTRACT = {"protos": "collateral_registry/protos"}
"""Files and folders of the repository, and their places in a wheel."""


class ContractHook(BuildHookInterface[Any]):
    """Prepares the build of a wheel; a source distribution holds the contract as the repository does."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Generates the stubs; an editable installation finds everything else in the repository."""
        if self.target_name != "wheel":
            return
        program = runpy.run_path(str(Path(self.root) / ".ci" / "stubs.py"))
        program["generate"](Path(self.root))
        if version != "editable":
            build_data["force_include"].update(CONTRACT)
