"""The schema's version: brought up to date by ``migrate``, checked before anything is served."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from collateral_registry.domain.errors import Refused
from collateral_registry.store.database import Database


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def newest_version() -> str:
    """The version that this program writes."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def version_of(database: Database) -> str | None:
    """The version of a database; none for an empty one. Raises Refused for a version this program does not know."""
    with database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found is None:
        return None
    try:
        ScriptDirectory.from_config(_config()).get_revision(found)
    except CommandError:
        message = f"database version: got {found}, want {newest_version()} or older; it was written by a newer program"
        raise Refused("NEWER_DATABASE", message) from None
    return str(found)


def migrate(database: Database) -> tuple[str | None, str]:
    """Brings the schema up to date; returns the versions before and after."""
    before = version_of(database)
    if before != newest_version():
        database.prepare()
        with database.engine.begin() as connection:
            command.upgrade(_config(connection), "head")
    return before, newest_version()
