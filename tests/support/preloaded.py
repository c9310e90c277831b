"""Loads the modules that every server imports, once for all forked servers."""

from importlib import import_module

from collateral_registry.domain.shared.units import units

MODULES = (
    "psycopg",
    "uvloop",
    "collateral_registry.bootstrap",
    "collateral_registry.cli.main",
    "collateral_registry.web.server",
)
"""Modules of the server. The first two and the last are otherwise imported late, where they are needed."""

for _name in MODULES:
    import_module(_name)

units()
