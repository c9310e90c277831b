"""The modules that every server imports, loaded once for all forked servers."""

import psycopg  # noqa: F401 - imported late by the engines
import uvloop  # noqa: F401 - imported late by the server

import collateral_registry.bootstrap
import collateral_registry.cli.main  # noqa: F401
from collateral_registry.domain.shared.units import checked_unit

checked_unit("unit", "t")
