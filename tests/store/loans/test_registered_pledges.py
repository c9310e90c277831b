"""Pledges of an older database are registered where their newest revision states registry and number."""

from dataclasses import replace

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from collateral_registry.commands.loans.pledges import change_pledge, pledge_asset
from collateral_registry.domain.loans.agreements import Pledge
from collateral_registry.store.engine.migrate import MIGRATIONS, migrate
from tests.support.books import do, registered
from tests.support.small_book import lend_on, lot, opened, register


def test_a_migrated_pledge_is_registered_where_it_states_registry_and_number(schemaless_url):
    database = opened(schemaless_url)
    lend_on(database, "bank-0")
    for number, pledge in enumerate((registered, lambda one: one, lambda one: replace(one, registry="notices"))):
        register(database, lot(f"lot-{number}"))
        one = pledge(Pledge(f"p-{number}", "bank-0", f"lot-{number}"))
        do(database, lambda write, one=one: pledge_asset(write, one))
    register(database, lot("lot-3"))
    do(database, lambda write: pledge_asset(write, registered(Pledge("p-3", "bank-0", "lot-3"))))
    do(database, lambda write: change_pledge(write, "bank-0", "p-3", "", lambda one: replace(one, registry=" ")))
    with database.engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "0021-1")

    migrate(database)

    with database.read() as connection:
        rows = connection.execute(text("SELECT pledge_id, is_registered FROM pledge ORDER BY pledge_id"))
        assert [tuple(row) for row in rows] == [("p-0", 1), ("p-1", 0), ("p-2", 0), ("p-3", 0)]
    database.close()
