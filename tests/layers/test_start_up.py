"""Starting imports no slow packages: statistics packages take seconds and are needed for fitting only."""

import json
import subprocess
import sys
from pkgutil import walk_packages

import pytest

import valuation

pytestmark = pytest.mark.slow

SLOW_TO_IMPORT = {"scipy.stats", "statsmodels", "pandas", "arch", "lightgbm"}
SLOW_FOR_HELP = SLOW_TO_IMPORT | {"grpc", "google.protobuf", "numpy", "pyarrow", "rich.table", "sqlalchemy"}
VALUATION = [module.name for module in walk_packages(valuation.__path__, "valuation.")]


def loaded_by(*modules: str) -> set[str]:
    """Returns the modules loaded in a new interpreter after it has imported these."""
    program = f"import json, sys, {', '.join(modules)}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_a_server_is_started_without_statistics_packages():
    assert not SLOW_TO_IMPORT & loaded_by("collateral_registry.cli.server.start")


def test_help_is_printed_without_packages_that_only_commands_need():
    assert not SLOW_FOR_HELP & loaded_by("collateral_registry.cli.main")


def test_the_server_starts_without_statistics_packages():
    assert not SLOW_TO_IMPORT & loaded_by("collateral_registry.bootstrap")


def test_a_server_on_a_current_database_starts_without_what_it_may_never_need():
    assert not {"alembic", "pyarrow"} & loaded_by("collateral_registry.bootstrap")


def test_a_backup_is_made_without_the_parts_of_a_server():
    parts = {"grpc", "scipy", "uvloop", "collateral_registry.commands", "collateral_registry.runtime"}
    assert not parts & loaded_by("collateral_registry.maintenance")


def test_the_whole_valuation_library_is_imported_without_statistics_packages():
    assert not SLOW_TO_IMPORT & loaded_by(*VALUATION)


def test_a_statistics_package_would_be_noticed():
    assert SLOW_TO_IMPORT & loaded_by("scipy.stats") == {"scipy.stats"}
