"""The store sets the isolation level of transactions on PostgreSQL, whatever the default of the server."""

from datetime import UTC, datetime

from sqlalchemy import text

from collateral_registry.domain.access.callers import Author
from collateral_registry.store.engine.database import Database

NOW = datetime(2022, 1, 1, tzinfo=UTC)
LEVEL = text("SHOW transaction_isolation")


def level_of(connection):
    """The isolation level of the current transaction."""
    return connection.execute(LEVEL).scalar_one()


def test_writes_are_read_committed_and_reads_a_snapshot_on_a_server_whose_default_is_stricter(postgres_url):
    setting = Database(postgres_url, lambda: NOW)
    with setting.outside_transactions() as connection:
        connection.exec_driver_sql(
            f'ALTER DATABASE "{setting.engine.url.database}" SET default_transaction_isolation TO serializable'
        )
    setting.close()
    database = Database(postgres_url, lambda: NOW)
    found = []
    for _ in range(2):
        with database.write("test", Author("test", "test")) as write:
            found.append(level_of(write.connection))
        with database.intake(["source a"]) as intake:
            found.append(level_of(intake.connection))
        with database.read() as connection:
            found.append(level_of(connection))
    database.close()

    assert found == ["read committed", "read committed", "repeatable read"] * 2
