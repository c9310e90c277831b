"""What every server reads before it serves, read once for all that are forked."""

import psycopg  # noqa: F401 - what the engines import late
import uvloop  # noqa: F401 - so does the server

import collateral_registry.bootstrap
import collateral_registry.cli.main  # noqa: F401
from collateral_registry.domain.shared.units import checked_unit

checked_unit("unit", "t")
