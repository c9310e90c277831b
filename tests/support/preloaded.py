"""Loads the modules that every server imports, once for all forked servers."""

from importlib import import_module

from collateral_registry.domain.shared.units import units

MODULES = ("psycopg", "uvloop", "collateral_registry.bootstrap", "collateral_registry.cli.main")
"""Modules of the server; the first two are otherwise imported late, by the engines and by the server."""

for _name in MODULES:
    import_module(_name)

units()
