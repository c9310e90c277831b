"""The numbers of IP assets in an older database take the comparable form when it is migrated."""

from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from collateral_registry.commands.assets.register import register
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.migrate import MIGRATIONS, migrate
from tests.support.books import IP_ASSET, do, open_empty_book


def test_a_migrated_right_is_found_in_every_spelling(schemaless_url):
    database = open_empty_book(schemaless_url)
    right = replace(IP_ASSET, detail=replace(IP_ASSET.detail, number="EP 2 345 678 B1"))
    do(database, lambda write: register(write, right))
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE identity SET skeleton = 'ep234567881', grouped = 'ep-2-345-678-81'"))
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "0022-1")

    migrate(database)

    again = replace(right, asset_id="patent-2", detail=replace(right.detail, number="EP2345678", office="EPO"))
    with pytest.raises(Refused, match="2 345 678"):
        do(database, lambda write: register(write, again))
    database.close()
