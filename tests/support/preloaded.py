"""Loads the modules that every server imports, and compiles the usual statements, once for all forked servers."""

import gc
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from collateral_registry.domain.shared.units import units
from tests.support.books import open_filled_book
from tests.support.statements import share_compiled_statements

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
share_compiled_statements()
with TemporaryDirectory() as _folder:
    open_filled_book(f"sqlite:///{Path(_folder, 'book.db')}").close()

# The garbage collection of a fork would otherwise visit all these objects, and copy the memory that they are in.
gc.collect()
gc.freeze()
