"""Reads the schema version of a database and upgrades it; the service checks the version before it starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table

from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parents[1] / "migrations"
VERSION_TABLE = "alembic_version"
"""Table in which alembic stores the version."""

_VERSION = re.compile("[0-9]{4}")


def _known_versions() -> list[str]:
    """Returns the schema versions of this program, oldest first; each migration file begins with its version."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def is_known(version: str) -> bool:
    """Returns whether this program can upgrade a database of a schema version."""
    return version in _known_versions()


def newest_version() -> str:
    """Returns the newest schema version of this program."""
    return _known_versions()[-1]


def version_of(database: Database) -> str | None:
    """Returns the schema version of a database; None if it is empty.

    Raises Refused if the program is older, or if the database belongs to another program.

    It does not use alembic, which is slow to import and not needed to start on a current database.
    """
    with database.read() as connection:
        tables = inspect(connection).get_table_names()
        if VERSION_TABLE not in tables:
            if tables:
                raise _other_program(f"table {min(tables)}")
            return None
        found = connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar()
    if found is None:
        return None
    if not _VERSION.fullmatch(found):
        raise _other_program(f"schema version {found}")
    if not is_known(found):
        message = f"database version: got {found}, want {newest_version()} or older; it was written by a newer program"
        raise Refused("NEWER_DATABASE", message)
    return str(found)


def _other_program(sign: str) -> Refused:
    want = "want an empty database or one of this service; name another one in database_url"
    return Refused("OTHER_PROGRAM", f"database: got a database of another program ({sign}), {want}")


def migrate(database: Database) -> tuple[str | None, str]:
    """Creates the file of a new database, and upgrades the schema to the newest version.

    Returns the versions before and after.
    """
    database.create_file()
    before = version_of(database)
    database.prepare()  # a copy of a book by other tools may have another journal
    if before != newest_version():
        _upgrade(database)
    return before, newest_version()


def _upgrade(database: Database) -> None:
    with database.schema_change() as connection:
        upgrade(connection, "head")


def upgrade(connection: Connection, version: str) -> None:
    """Upgrades the schema to a version in the open transaction."""
    from alembic import command

    command.upgrade(_config(connection), version)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
