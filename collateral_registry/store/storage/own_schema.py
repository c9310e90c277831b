"""Finds databases of PostgreSQL in which the tables of one lender's book could be taken for those of another."""

from __future__ import annotations

from sqlalchemy import text

from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.database import Database

_SCHEMAS = text("SELECT current_setting('search_path'), current_schemas(false)")


def check_own_schema(database: Database) -> None:
    """Raises Refused unless the connections to a PostgreSQL database find tables in exactly one schema.

    With a second schema in the search path, an empty schema of one lender would show the tables of the other. A SQLite
    file holds one book. Raises StoreUnavailable.
    """
    if database.is_sqlite:
        return
    with database.read() as connection:
        path, found = connection.execute(_SCHEMAS).one()
    if len(found) != 1:
        exist = f"{len(found)} of its schemas exist" if found else "none of its schemas exists, see CREATE SCHEMA"
        raise Refused(
            "SHARED_SCHEMA", f"database: got the search path {path} ({exist}), want one schema of this lender"
        )
