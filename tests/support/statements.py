"""Lets the databases of a test process share compiled statements.

SQLAlchemy compiles each statement once for each engine, which takes milliseconds. A server has one engine; the tests
open thousands of databases.
"""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache

from collateral_registry.store.engine import database

STATEMENTS_LIMIT = 2_000

_statements: LRUCache[Any, Any] = LRUCache(STATEMENTS_LIMIT)
_dialects: dict[str, Dialect] = {}
"""The dialect of the first engine of each kind that has connected. Statements are kept by dialect."""


def share_compiled_statements() -> None:
    """Lets every engine that is created from now on use the statements that others have compiled."""
    patch.object(database, "new_engine", _sharing(vars(database)["new_engine"])).start()


def _sharing(create: Callable[[str], Engine]) -> Callable[[str], Engine]:
    def created(url: str) -> Engine:
        engine = create(url)
        name = engine.dialect.name
        engine.update_execution_options(compiled_cache=_statements)
        if name in _dialects:
            engine.dialect = _dialects[name]
        else:
            event.listen(engine, "engine_connect", _remember)
        return engine

    return created


def _remember(connection: Connection) -> None:
    """Keeps the dialect of an engine, which its first connection has completed."""
    _dialects.setdefault(connection.dialect.name, connection.dialect)
